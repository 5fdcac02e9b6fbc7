"""The condition `balance.where`: what it excludes, and what the funnel says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from infogap.balance.stage import STAGE
from infogap.errors import InputError
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, MIX, TASKS, TRACES, VERDICTS, Table


def _run(folder: Path, where: str) -> Run:
    (folder / "recipe.yaml").write_text(
        f"name: demo\nimport: [{{from: t.jsonl, columns: {{trace: text}}}}]\nbalance: {{where: {where}}}\n"
    )
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    traces: list[dict[str, Any]] = [
        {"trace_id": f"t{n}", "task_id": "a", "privilege": "unguided", "teacher": "m", "response": "5", "sample": n}
        for n in range(4)
    ]
    tables: list[tuple[Table, list[dict[str, Any]]]] = [
        (TASKS, [{"task_id": "a", "family": "sums", "answer": "5", "verifier": "math"}]),
        (TRACES, traces),
        (VERDICTS, [{"trace_id": trace["trace_id"], "verdict": "correct"} for trace in traces]),
        (
            MEASURES,
            [
                {"trace_id": f"t{n}", "words": words, "leak": n == 3, "leaks": []}
                for n, words in enumerate([10, 200, None, 200])
            ],
        ),
    ]
    for table, values in tables:
        with run.rewrite(table) as out:
            out.write(table.frame([dict.fromkeys(table.schema) | value for value in values]))
    return run


def _reasons(run: Run) -> dict[str, str]:
    STAGE.make(run)
    return dict(run.scan(MIX).select("trace_id", "reason").sort("trace_id").collect().iter_rows())


def test_false_and_null_exclude_and_an_earlier_reason_counts_first(tmp_path: Path) -> None:
    run = _run(tmp_path, "words < 100")
    assert _reasons(run) == {"t0": "selected", "t1": "excluded_by_where", "t2": "excluded_by_where", "t3": "leak"}
    assert STAGE.make(run).counts["mixes"]["mix"]["funnel"]["losses"] == [
        {"reason": "leak", "detail": None, "traces": 1},
        {"reason": "excluded_by_where", "detail": None, "traces": 2},
    ]


def test_columns_of_traces_tasks_and_verdicts(tmp_path: Path) -> None:
    run = _run(tmp_path, "\"sample <> 1 AND family = 'sums' AND verdict = 'correct'\"")
    assert _reasons(run) == {"t0": "selected", "t1": "excluded_by_where", "t2": "selected", "t3": "leak"}


@pytest.mark.parametrize("where", ["wrods < 5", "words <", "words", "'family < 5'"])
def test_a_wrong_condition_is_an_error_before_and_when_it_is_used(tmp_path: Path, where: str) -> None:
    run = _run(tmp_path, where)
    for act in (STAGE.ready, STAGE.make):
        with pytest.raises(InputError, match=r"balance\.where: `.*`: .*; there are the columns trace_id, ") as caught:
            act(run)
        assert "\n" not in str(caught.value)


def test_a_recipe_without_a_condition_has_the_fingerprint_of_before(tmp_path: Path) -> None:
    run = _run(tmp_path, "words < 100")
    assert STAGE.part(run)["balance"]["where"] == "words < 100"
    assert "where" not in STAGE.part(_run(tmp_path, "null"))["balance"]
