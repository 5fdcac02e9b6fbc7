"""Rows are found by their keys."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from infogap.runs.rows_by_key import rows_of

KEYS = st.lists(st.text(max_size=3), unique=True, max_size=8)


@given(there=KEYS, wanted=st.lists(st.none() | st.text(max_size=3), max_size=8))
def test_rows_are_those_that_a_join_finds(there: list[str], wanted: list[str | None]) -> None:
    table = pl.DataFrame({"key": there, "place": range(len(there))}, schema={"key": pl.String, "place": pl.Int64})
    keys = pl.Series("key", wanted, dtype=pl.String)
    expected = table.join(keys.to_frame(), on="key", how="semi").sort("key")
    assert rows_of(table.sort("key"), "key", keys).equals(expected)
