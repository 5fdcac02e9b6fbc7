"""Rows of Arrow tables as Python values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def rows_of(batch: pa.RecordBatch | pa.Table) -> list[dict[str, Any]]:
    """Return the rows of a batch. A 32-bit number is the one of its shortest text: 0.1, not 0.10000000149011612."""
    import pyarrow as pa

    for index, column in enumerate(batch.schema):
        as_texts = _replaced(column.type, pa.string())
        if as_texts != column.type:
            doubles = batch.column(index).cast(as_texts).cast(_replaced(column.type, pa.float64()))
            batch = batch.set_column(index, column.name, doubles)
    rows: list[dict[str, Any]] = batch.to_pylist()
    return rows


def _replaced(kind: pa.DataType, by: pa.DataType) -> pa.DataType:
    """Return a type with `by` in place of 32-bit floating point, at any depth of lists and structs."""
    import pyarrow as pa

    types = pa.types
    if types.is_float32(kind):
        return by
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, _replaced(field.type, by)) for field in kind])
    if types.is_large_list(kind):
        return pa.large_list(_replaced(kind.value_type, by))
    if types.is_fixed_size_list(kind):
        return pa.list_(_replaced(kind.value_type, by), kind.list_size)
    return pa.list_(_replaced(kind.value_type, by)) if types.is_list(kind) else kind
