"""Every row of a source is counted exactly once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.recipe.sources import FileTasks
from infogap.tasks.gather_tasks import gather_table
from tasks.small_recipes import task_run, write_jsonl

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "question": st.sampled_from(["a", "b", "c", "d", ""]),
            "answer": st.sampled_from(["1", "1", "2", None]),
            "level": st.sampled_from([1, 2]),
        }
    ),
    min_size=1,
    max_size=12,
)


@given(rows=ROWS, limit=st.none() | st.integers(1, 4), where=st.sampled_from([None, "difficulty = '1'"]))
def test_rows_are_tasks_or_left_out_or_merged(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], limit: int | None, where: str | None
) -> None:
    folder = tmp_path_factory.mktemp("source")
    write_jsonl(folder / "a.jsonl", rows)
    run = task_run(folder, "  - {from: a.jsonl}")
    keys = {"from": "a.jsonl", "columns": {"difficulty": "level"}, "verifier": "exact", "limit": limit, "where": where}
    try:
        gathered = gather_table(run, FileTasks.model_validate(keys))
    except InputError:
        assume(False)
    counts = gathered.counts
    assert counts["rows"] == len(rows) == counts["tasks"] + sum(counts["left_out"].values()) + counts["merged"]
    assert {fate.row for fate in gathered.rejected} <= {fate.row for fate in gathered.fates if fate.reason is not None}


def test_repeats_of_a_task_that_is_not_drawn_are_left_out_and_not_merged(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": question, "answer": "1"} for question in "aabb"])
    run = task_run(tmp_path, "  - {from: a.jsonl}")
    counts = gather_table(run, FileTasks.model_validate({"from": "a.jsonl", "limit": 1})).counts
    assert (counts["tasks"], counts["merged"], counts["left_out"]) == (1, 1, {"left out by `limit`": 2})
