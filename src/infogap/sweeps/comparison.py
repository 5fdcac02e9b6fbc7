"""How the runs of a sweep compare: a row per cell, in sweep.csv and sweep.json and as a frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl
from ruamel.yaml import YAML

from infogap.atomic_files import write_text
from infogap.effects.trace_summary import of_selected_tasks, traces_in_short
from infogap.runs.run_folder import Run
from infogap.schema import MIX
from infogap.sweeps.grid import Cell, Settings

FILE_NAME = "sweep.json"
COLUMNS = pl.Schema(
    {
        "cell": pl.String(),  # the run's folder in the sweep's
        "state": pl.String(),  # done | short: finished, but short of its target | missing: not finished
        "traces": pl.Int64(),  # with a response, of all tasks that `select` leaves in
        "failed": pl.Int64(),  # requests without a response; they count in no other column
        "accuracy": pl.Float64(),  # correct among graded traces
        "density": pl.Float64(),  # mean epistemic density of the traces
        "density_per": pl.String(),  # 1,000 of what: tokens | words
        "leak_rate": pl.Float64(),  # share of the traces with a leak
        "tokens": pl.Int64(),  # completion tokens of the traces; null where none is known
        "mix": pl.Int64(),  # traces in the mix; null where no mix was made
        "target": pl.Int64(),  # traces that the recipe asks for; without a size, as many as its shares allow
        "met": pl.Boolean(),  # whether the run met every target
        "mix_tasks": pl.Int64(),
        "mix_families": pl.Int64(),
        "mix_tokens": pl.Int64(),
        "mix_accuracy": pl.Float64(),
        "mix_density": pl.Float64(),
        "mix_leak_rate": pl.Float64(),
        "shortfall": pl.String(),  # by how much a short cell misses its target, and what can be done
    }
)

Row = dict[str, Any]


def missing_row(cell: Cell) -> Row:
    """Return the row of a cell that has not finished."""
    return dict.fromkeys(COLUMNS) | {"cell": cell.name, "state": "missing"}


def row_of(cell: Cell, run: Run, shortfall: str | None) -> Row:
    """Return the row of a finished cell; `shortfall` says by how much it misses its target."""
    traces = of_selected_tasks(traces_in_short(run))
    made = run.manifest(MIX.name)  # without one, the folder may hold the mix of an earlier recipe
    answered = traces.filter(~pl.col("failed"))
    row = missing_row(cell) | _figures(answered) | {"failed": traces["failed"].sum()}
    row |= {"state": "short" if shortfall else "done", "met": shortfall is None, "shortfall": shortfall}
    if made is None:
        return row | {"target": run.recipe.balance.size}
    mix = answered.filter("selected")
    in_mix = {f"mix_{name}": value for name, value in _figures(mix).items() if f"mix_{name}" in COLUMNS}
    coverage = {"mix_tasks": mix["task_id"].n_unique(), "mix_families": mix["family"].n_unique()}
    return row | in_mix | coverage | {"mix": mix.height, "target": made.counts.get("target_size")}


def _figures(traces: pl.DataFrame) -> Row:
    """Of traces with a response: their number, and what can be said of them."""
    graded = traces.filter(pl.col("verdict").is_not_null() & (pl.col("verdict") != "ungradable"))
    tokens = traces["completion_tokens"].drop_nulls()
    return {
        "traces": traces.height,
        "accuracy": (graded["verdict"] == "correct").mean(),
        "density": traces["epistemic_density"].mean(),
        "density_per": " or ".join(sorted(traces["density_per"].drop_nulls().unique())) or None,
        "leak_rate": traces["leak"].mean(),
        "tokens": int(tokens.sum()) if len(tokens) else None,
    }


def comparison(cells: Sequence[Cell], rows: Sequence[Row]) -> pl.DataFrame:
    """Return a row per cell, in the grid's order: the settings that vary, then `COLUMNS`.

    A setting whose values are all whole numbers, or all numbers, has that type; otherwise it is text as in a recipe.
    A setting called like a column has `set ` before its name.
    """
    settings = [_column(key, [cell.values[key] for cell in cells]) for key in cells[0].values]
    return pl.DataFrame(settings).hstack(pl.DataFrame(list(rows), schema=COLUMNS))


def _column(key: str, texts: list[str]) -> pl.Series:
    values = [YAML(typ="safe", pure=True).load(text) for text in texts]
    name = f"set {key}" if key in COLUMNS else key
    for kind, dtype in ((int, pl.Int64()), (int | float, pl.Float64())):
        if all(isinstance(value, kind) and not isinstance(value, bool) for value in values):
            return pl.Series(name, values, dtype=dtype)
    return pl.Series(name, texts, dtype=pl.String())


def write_comparison(folder: Path, name: str, settings: Settings, cells: Sequence[Cell], rows: Sequence[Row]) -> None:
    """Write sweep.csv, and sweep.json with the settings of each cell besides. `name` is the recipe's."""
    listed = [{"settings": cell.values} | row for cell, row in zip(cells, rows, strict=True)]
    content = {"recipe": name, "settings": settings, "cells": listed}
    text = orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
    write_text(folder / FILE_NAME, text + "\n")
    write_text(folder / "sweep.csv", comparison(cells, rows).write_csv())
