"""Describe each config for the card: its columns, what each means, and an example row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.publish.configs.base import Config
from infogap.publish.parquet_shards import Written
from infogap.publish.redaction import public_label
from infogap.recipe.preference_pairs import SIDES
from infogap.runs.run_folder import Run
from infogap.schema import (
    CONTEXTS,
    DERIVATIONS,
    DUPLICATES,
    MEASURES,
    MIX,
    STATED_VERDICTS,
    TASKS,
    TRACE_TURNS,
    TRACES,
    VERDICTS,
)

_TABLES = (TASKS, TRACES, VERDICTS, STATED_VERDICTS, TRACE_TURNS, DERIVATIONS, MEASURES, DUPLICATES, MIX, CONTEXTS)
_MIXES = "for each mix: its name, whether the trace is in it, its stratum, and why it is not in it"
_TEXT = 300  # characters of a text that an example row shows
_ITEMS = 2  # of a list


@dataclass(frozen=True)
class Column:
    """A column of a config: its name, its type as `datasets` names it, and its meaning (Markdown; empty if unknown)."""

    name: str
    dtype: str
    meaning: str


@dataclass(frozen=True)
class Shape:
    """The columns and an example row of all configs that have the same columns, such as the `sft` of several mixes."""

    configs: list[str]
    columns: list[Column]
    example: str  # JSON, with texts and lists shortened; empty for configs that show what only teachers saw


def shapes(run: Run, written: list[Written], folder: Path) -> list[Shape]:
    """Describe the written configs, those with the same columns together. `folder` is the dataset's."""
    of_measures = _of_measures(run)
    found: list[Shape] = []
    for each in written:
        columns = [
            Column(name, _spelled(dtype), meaning_of(each.config, name, of_measures))
            for name, dtype in each.columns.items()
        ]
        alike = next((shape for shape in found if shape.columns == columns), None)
        if alike is None:
            example = "" if each.config.privileged else _example(folder / each.shards[0].path)
            found.append(Shape([each.config.name], columns, example))
        else:
            alike.configs.append(each.config.name)
    return found


def meaning_of(config: Config, column: str, of_measures: dict[str, str]) -> str:
    """Return what a column of a config means: as the config says, or as the table does from which it comes."""
    if column in config.meanings:
        return config.meanings[column]
    if column in of_measures:
        return of_measures[column]
    for side in SIDES:
        if column.startswith(f"{side}_"):
            own = meaning_of(config, column.removeprefix(f"{side}_"), of_measures)
            return f"of the {side} trace: {own}" if own else ""
    if column == "mixes":
        return _MIXES
    return next((table.meanings[column] for table in _TABLES if column in table.meanings), "")


def _of_measures(run: Run) -> dict[str, str]:
    """Return, for each column of the recipe's own measures, which measure it is from."""
    manifest = run.manifest(MEASURES.name)
    named = manifest.part.get("measures", []) if manifest else []
    return {name: f"from the measure `{public_label(each['name'])}`" for each in named for name in each["columns"]}


def _spelled(dtype: Any) -> str:
    """Spell a type as in `list<{role: string, content: string}>`."""
    if isinstance(dtype, pl.List):
        return f"list<{_spelled(dtype.inner)}>"
    if isinstance(dtype, pl.Struct):
        return "{" + ", ".join(f"{field.name}: {_spelled(field.dtype)}" for field in dtype.fields) + "}"
    return {pl.String: "string", pl.Boolean: "bool"}.get(dtype.base_type(), str(dtype).lower())


def _example(file: Path) -> str:
    """Return a file's first row as JSON, shortened."""
    row = pl.scan_parquet(file).head(1).collect().row(0, named=True)
    return orjson.dumps(_shortened(row), option=orjson.OPT_INDENT_2).decode()


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _TEXT:
        return f"{value[:_TEXT]} … ({len(value) - _TEXT:,} more characters)"
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Iterable) and not isinstance(value, str):
        items = list(value)
        more = [f"… ({len(items) - _ITEMS:,} more)"] if len(items) > _ITEMS else []
        return [*map(_shortened, items[:_ITEMS]), *more]
    return value
