"""Slices hold the rows of their table in order, and of the other tables what belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.publish.configs.preference import PREFERENCE
from infogap.publish.configs.sft import SFT
from infogap.publish.configs.traces import EVERY_TRACE
from infogap.publish.run_slices import RunSlice
from infogap.publish.sorted_rows import SortedRows, in_order, sorted_slices, traces_by_id
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TASKS, TRACES, VERDICTS, Table
from publish.small_run import RECIPE, build_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infogap.runs.run_folder.ROWS_PER_PART", 7)
        yield build_run(tmp_path_factory.mktemp("sliced"), reverse=True)


def belonging(of_slice: RunSlice, table: Table) -> pl.DataFrame:
    rows = of_slice.belonging(table)
    assert rows is not None
    return rows.collect()


@settings(max_examples=25, deadline=None)
@given(limit=st.integers(1, 20_000), keep=st.sets(st.integers(0, 35), min_size=1), shared=st.booleans())
def test_slices_are_the_sorted_rows_whatever_their_size(run: Run, limit: int, keep: set[int], shared: bool) -> None:
    """Two traces can have one place, and are then in one slice."""
    ids = in_order(run.scan(TRACES).select("trace_id").collect())
    places = ids.filter(pl.col("place").is_in(list(keep))).with_columns(place=pl.col("place") // (2 if shared else 1))
    frames = []
    for of_slice, rows in sorted_slices(run, TRACES, places, limit):
        frames.append(rows)
        if isinstance(of_slice, RunSlice):
            known = run.scan(VERDICTS).join(rows.lazy(), on="trace_id", how="semi").sort("trace_id").collect()
            assert belonging(of_slice, VERDICTS).sort("trace_id").equals(known)
            assert set(belonging(of_slice, TASKS)["task_id"]) == set(rows["task_id"])
            assert of_slice.scan(TRACES).collect().height == 36, "what is scanned is the whole table"
    whole = run.scan(TRACES).collect().join(places, on="trace_id").sort("place", "trace_id")
    assert pl.concat(frames).equals(whole)
    seen = [place for rows in frames for place in rows["place"].unique().sort()]
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("config", [SFT, EVERY_TRACE, PREFERENCE], ids=lambda config: config.name)
@pytest.mark.parametrize("tasks", [None, ["task1", "task4"]], ids=["all", "of two tasks"])
def test_configs_that_share_slices_have_the_same_rows(
    run: Run, config: object, tasks: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert config in (SFT, EVERY_TRACE, PREFERENCE)
    rows = config.rows(run, run.scan(MIX).collect().sort(MIX.key))
    assert isinstance(rows, SortedRows)
    rows = rows if tasks is None else rows.of_tasks(pl.Series(tasks))
    whole = pl.concat(rows)
    monkeypatch.setattr("infogap.publish.sorted_rows.SLICE_BYTES", 2_000)
    with traces_by_id(run) as by_id:
        assert by_id is not None and len(by_id.slices) > 3
        for _ in range(2):  # the files are read again by the next config
            assert pl.concat(replace(rows, by_id=by_id)).equals(whole)
    assert not list(run.path.glob(".publish*"))


def test_the_mixes_of_a_trace_keep_their_order_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = "balance: {size: 10, verdict: {correct: 0.75, wrong: 0.25}}"
    named = "balance: {mixes: {b: {}, a: {max_per_task: 1}, c: {max_per_task: 2}}}"
    run = build_run(tmp_path, RECIPE.replace(one, named))
    mix = run.scan(MIX).collect()
    with run.rewrite(MIX) as out:
        out.write(pl.concat([mix.with_columns(mix=pl.lit(name)) for name in "bac"]))
    rows = EVERY_TRACE.rows(run, mix)
    assert isinstance(rows, SortedRows)
    whole = pl.concat(rows)
    assert {tuple(each["mix"] for each in mixes) for mixes in whole["mixes"].drop_nulls()} == {("b", "a", "c")}
    monkeypatch.setattr("infogap.publish.sorted_rows.SLICE_BYTES", 2_000)
    with traces_by_id(run) as by_id:
        assert by_id is not None and len(by_id.slices) > 3
        assert pl.concat(replace(rows, by_id=by_id)).equals(whole)


def test_an_empty_table_beside_the_traces_has_no_rows_in_any_slice(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    with run.rewrite(VERDICTS) as out:
        out.write(VERDICTS.empty())
    places = in_order(run.scan(TRACES).select("trace_id").collect())
    heights = [
        belonging(of_slice, VERDICTS).height
        for of_slice, _ in sorted_slices(run, TRACES, places, 300)
        if isinstance(of_slice, RunSlice)
    ]
    assert len(heights) > 3 and not any(heights)
