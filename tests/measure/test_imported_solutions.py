"""An imported trace under a privilege that shows the solution is compared with it, context or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imports.small_imports import import_rows, table_of
from infogap.measure import STAGE
from infogap.schema import MEASURES, TRACES

SOLUTION = (
    "First observe that the pile contains eleven copper pieces, afterwards twenty silver pieces are carefully added "
    "onto that same pile, therefore the grand total becomes thirty one pieces and nothing else remains."
)
COLUMNS = "columns: {trace: text, privilege: saw, solution: worked}"
SUM = {"question": "There are 11 copper and 20 silver pieces. How many pieces?", "answer": "31", "worked": SOLUTION}


def _measured(
    folder: Path, rows: list[dict[str, Any]], columns: str = COLUMNS
) -> tuple[list[dict[str, Any]], list[str]]:
    run, _ = import_rows(folder, [SUM | row for row in rows], columns)
    outcome = STAGE.make(run)
    traces = table_of(run, TRACES).join(table_of(run, MEASURES), on="trace_id", maintain_order="left")
    return traces.to_dicts(), outcome.notes


@pytest.mark.parametrize("saw", ["solution", "hint", "masked_solution", "solution_no_think", "confident_rewrite"])
def test_a_copy_of_the_solution_is_found_where_no_context_is_given(tmp_path: Path, saw: str) -> None:
    rows = [
        {"text": f"{SOLUTION} So \\boxed{{31}}.", "saw": saw},
        {"text": "Eleven and twenty, 11 + 20, is \\boxed{31}.", "saw": saw},
    ]
    (copied, own), notes = _measured(tmp_path, rows)
    assert [leak["kind"] for leak in copied["leaks"]] == ["copying"]
    assert copied["longest_copy"] == len(SOLUTION.split()) and copied["copied_share"] > 0.8
    assert not own["leak"] and own["copied_share"] == 0
    assert notes == []


@pytest.mark.parametrize("saw", ["answer", "decoy_solution", "irrelevant", "guided"])
def test_where_it_is_not_known_what_a_teacher_saw_only_copies_are_looked_for(tmp_path: Path, saw: str) -> None:
    rows = [
        {"text": f"{SOLUTION} So \\boxed{{31}}.", "saw": saw},
        {"text": "It is 31: the total, as 11 + 20 shows. \\boxed{31}", "saw": saw},
    ]
    (copied, own), notes = _measured(tmp_path, rows)
    assert [leak["kind"] for leak in copied["leaks"]] == ["copying"]
    assert own["leaks"] == [] and own["copied_share"] == 0  # what a shown solution would make of an early answer
    assert notes == []


def test_a_teacher_that_saw_no_more_than_the_student_copies_nothing(tmp_path: Path) -> None:
    ((trace,), notes) = _measured(tmp_path, [{"text": f"{SOLUTION} So \\boxed{{31}}.", "saw": "unguided"}])
    assert trace["leaks"] == [] and trace["longest_copy"] is None and notes == []


def test_a_context_that_is_given_is_the_one_that_counts(tmp_path: Path) -> None:
    ((trace,), notes) = _measured(
        tmp_path,
        [{"text": f"{SOLUTION} So \\boxed{{31}}.", "saw": "solution", "shown": "Add the two numbers."}],
        "columns: {trace: text, privilege: saw, context: shown, solution: worked}",
    )
    assert not trace["leak"] and trace["longest_copy"] < 3 and notes == []


def test_without_solutions_it_is_said_that_nothing_was_compared(tmp_path: Path) -> None:
    rows = [{"text": "So \\boxed{31}.", "saw": "solution"}] * 2
    traces, notes = _measured(tmp_path, rows, "columns: {trace: text, privilege: saw}")
    assert [trace["longest_copy"] for trace in traces] == [None, None]
    assert ["not for copies: solution 2;" in note for note in notes] == [True]
