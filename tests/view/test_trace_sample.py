"""The traces of an exported folder: shares kept, rare ones there, tasks whole, and the same each time."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from infogap.view.trace_index import MISSING, NUMBERS, Facet, TraceIndex
from infogap.view.trace_sample import sampled


def _index(tasks: int, seed: int = 0) -> TraceIndex:
    """An index of tasks with three privileges and two traces under each, few of them wrong."""
    random = np.random.default_rng(seed)
    height = tasks * 6
    columns = dict.fromkeys(MISSING, pl.Series(["x"] * height))
    columns["privilege"] = pl.Series(["unguided", "unguided", "answer", "answer", "solution", "solution"] * tasks)
    columns["verdict"] = pl.Series(np.where(random.random(height) < 0.01, "wrong", "correct").tolist())
    facets = {name: Facet.of(column, MISSING[name]) for name, column in columns.items()}
    numbers = dict.fromkeys(NUMBERS, np.full(height, np.nan))
    ids = pl.Series([f"t{place:07}" for place in range(height)])
    zeros = np.zeros(height, np.int32)
    frame = pl.DataFrame({"task_id": [f"task{place:06}" for place in range(tasks)]})
    task_numbers = np.repeat(np.arange(tasks, dtype=np.uint32), 6)
    return TraceIndex(ids, np.arange(height, dtype=np.uint32), task_numbers, zeros, zeros, facets, numbers, frame)


def test_a_sample_has_each_stratums_share_and_tasks_under_all_privileges() -> None:
    index = _index(5_000)
    chosen = sampled(index)
    assert len(chosen) == 2_000
    assert (np.diff(chosen) > 0).all()
    assert (sampled(_index(5_000)) == chosen).all()
    privilege, verdict = index.facets["privilege"], index.facets["verdict"]
    for code in range(3):
        of_privilege = privilege.codes == code
        share = of_privilege[chosen].mean()
        assert share == pytest.approx(1 / 3, abs=0.01)
        wrong = of_privilege & (verdict.codes == verdict.values.index("wrong"))
        assert wrong[chosen].sum() >= 10
    of_each_task = np.bincount(index.task_numbers[chosen])
    assert (of_each_task >= 5).sum() > 0.7 * (of_each_task > 0).sum()


def test_a_run_that_fits_is_not_sampled() -> None:
    index = _index(300)
    assert len(sampled(index)) == index.height
    assert len(sampled(index, most=7)) == 7
