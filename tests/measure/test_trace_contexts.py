"""Rows and contexts are found by their keys, whatever the order of the tables."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from infogap.measure.trace_contexts import ContextTexts, rows_of
from infogap.schema import CONTEXTS
from publish.small_run import build_run

KEYS = st.lists(st.text(max_size=3), unique=True, max_size=8)


@given(there=KEYS, wanted=st.lists(st.none() | st.text(max_size=3), max_size=8))
def test_rows_are_those_that_a_join_finds(there: list[str], wanted: list[str | None]) -> None:
    table = pl.DataFrame({"key": there, "place": range(len(there))}, schema={"key": pl.String, "place": pl.Int64})
    keys = pl.Series("key", wanted, dtype=pl.String)
    expected = table.join(keys.to_frame(), on="key", how="semi").sort("key")
    assert rows_of(table.sort("key"), "key", keys).sort("key").equals(expected)


def test_contexts_are_read_back_as_they_were(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    ids = [f"c{number:04d}" for number in range(5_000)]
    texts = [f"größer {number} 六" * (number % 7) for number in range(5_000)]
    contexts = pl.DataFrame({"context_id": ids, "text": texts}).sample(fraction=1, shuffle=True, seed=1)
    with run.rewrite(CONTEXTS) as out:
        out.write(contexts.with_columns(task_id=pl.lit("task1"), privilege=pl.lit("answer")).select(*CONTEXTS.schema))
    wanted = pl.Series([*ids[10:4_000:7], None, "not there"], dtype=pl.String)
    with ContextTexts.of(run) as known:
        found = known.read(wanted)
    expected = contexts.filter(pl.col("context_id").is_in(ids[10:4_000:7])).sort("context_id")
    assert found.sort("context_id").equals(expected.rename({"text": "context"}))
