"""The fields of a task that a source can have in columns, and the columns to which a recipe maps them."""

from __future__ import annotations

from collections.abc import Iterable

from infogap.recipe.source_columns import GOLD_COLUMNS, TaskColumns

TASK_COLUMNS = tuple(TaskColumns.model_fields)
_MERGED = ("options", *GOLD_COLUMNS)  # options become part of the question, the others of the gold answer
TASK_FIELDS = tuple(field for field in TASK_COLUMNS if field not in _MERGED)


def column_paths(columns: TaskColumns, fields: Iterable[str]) -> dict[str, str]:
    """Return the column path of each field that is mapped."""
    mapped = {name: getattr(columns, name) for name in fields}
    return {name: path for name, path in mapped.items() if path is not None}
