"""Contexts are found by their ids, whatever the order of the table."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from infogap.measure.trace_contexts import ContextTexts
from infogap.schema import CONTEXTS
from publish.small_run import build_run


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
