"""Numbers of Arrow tables, as people write them."""

from __future__ import annotations

import math

import pyarrow as pa

from infogap.rows.arrow_rows import rows_of


def test_numbers_of_32_bits_are_those_of_their_shortest_text() -> None:
    single = pa.float32()
    kinds = {
        "plain": single,
        "list": pa.list_(single),
        "large": pa.large_list(single),
        "fixed": pa.list_(single, 2),
        "struct": pa.struct([("one", single), ("other", pa.float64())]),
        "deep": pa.list_(pa.struct([("one", pa.list_(single))])),
        "double": pa.float64(),
        "text": pa.string(),
    }
    row = {
        "plain": 0.1,
        "list": [0.1, None],
        "large": [1e-5],
        "fixed": [2.5, 3e30],
        "struct": {"one": 0.7, "other": 0.10000000149011612},
        "deep": [{"one": [0.3]}],
        "double": 0.10000000149011612,
        "text": "0.1",
    }
    rows = [row, dict.fromkeys(kinds)]
    assert rows_of(pa.Table.from_pylist(rows, schema=pa.schema(kinds))) == rows
    assert rows_of(pa.RecordBatch.from_pylist(rows, schema=pa.schema(kinds))) == rows


def test_what_is_no_number_stays_none() -> None:
    (row,) = rows_of(pa.table({"plain": pa.array([float("nan")], pa.float32())}))
    assert math.isnan(row["plain"])
    assert rows_of(pa.table({"empty": pa.array([], pa.float32())})) == []
