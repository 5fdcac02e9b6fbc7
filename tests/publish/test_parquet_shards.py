"""What is written to a shard is what was in the frame, whatever lies in memory under its nulls."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.publish import sorted_rows
from infogap.publish.configs.traces import EVERY_TRACE
from infogap.publish.parquet_shards import in_shards, write_config
from infogap.schema import LEXICON_COUNTS, MARKER_COUNTS

SCHEMA = pl.Schema({"trace_id": pl.String(), "markers": MARKER_COUNTS, "lexicons": LEXICON_COUNTS})
MARKERS = st.lists(
    st.fixed_dictionaries({"marker": st.sampled_from(["wait", "hmm"]), "count": st.integers(1, 3)}), max_size=3
)
LEXICONS = st.lists(
    st.fixed_dictionaries(
        {
            "lexicon": st.just("own"),
            "epistemic_count": st.integers(0, 3),
            "epistemic_density": st.just(1.0),
            "markers": st.none() | MARKERS,
            "categories": st.none(),
            "reasoning_count": st.none(),
            "first": st.none(),
            "quarters": st.none() | st.lists(st.integers(0, 3), max_size=4),
        }
    ),
    max_size=2,
)
ROWS = st.lists(st.none() | st.tuples(st.none() | MARKERS, st.none() | LEXICONS), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_lists_are_those_of_their_rows(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    """After a left join Polars leaves items under a null, which belong to no row."""
    ids = pl.DataFrame({"trace_id": [str(number) for number in range(len(rows))]})
    known = [
        {"trace_id": str(number), "markers": row[0], "lexicons": row[1]}
        for number, row in enumerate(rows)
        if row is not None
    ]
    frame = ids.join(pl.DataFrame(known, schema=SCHEMA), on="trace_id", how="left", maintain_order="left")
    folder = tmp_path_factory.mktemp("dataset")
    written = write_config(EVERY_TRACE, SCHEMA, [("train", frame)], folder)
    assert pl.read_parquet(folder / written.shards[0].path).to_dicts() == frame.to_dicts()


@given(st.lists(st.integers(0, 40), max_size=30))
def test_small_frames_become_one_shard_and_no_row_moves(heights: list[int]) -> None:
    """A config of another package may yield a frame per task: a folder should not hold a file for each."""
    texts = [[f"{number}.{row}" * 10 for row in range(height)] for number, height in enumerate(heights)]
    frames = [pl.DataFrame({"text": each}, schema={"text": pl.String}) for each in texts]
    limit = 2_000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_rows, "SLICE_BYTES", limit)
        shards = list(in_shards(iter(frames)))
    assert [text for shard in shards for text in shard["text"]] == [text for each in texts for text in each]
    assert all(shard.estimated_size() >= limit for shard in shards[:-1])


def test_frames_of_other_columns_stay_apart() -> None:
    """What is wrong with a config's columns is said of its frame, and not hidden by joining it."""
    frames = [pl.DataFrame({"a": [1]}), pl.DataFrame({"b": [2]}), pl.DataFrame({"b": [3]})]
    assert [shard.to_dicts() for shard in in_shards(frames)] == [[{"a": 1}], [{"b": 2}, {"b": 3}]]
