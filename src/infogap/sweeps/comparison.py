"""Compare the runs of a sweep: a row per cell and mix, as a frame and in sweep.csv and sweep.json."""

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
_STAGE = "balance: "
COLUMNS = pl.Schema(
    {
        "cell": pl.String(),  # the run's folder in the sweep's
        "mix_name": pl.String(),  # as in the recipe; null if it names none
        "state": pl.String(),  # done | short: finished, but short of its target | missing: not finished
        "traces": pl.Int64(),  # with a response, of all tasks that `select` leaves in
        "failed": pl.Int64(),  # requests without a response; they count in no other column
        "accuracy": pl.Float64(),  # correct among graded traces
        "density": pl.Float64(),  # mean epistemic density of the traces
        "density_per": pl.String(),  # 1,000 of what: tokens | words
        "leak_rate": pl.Float64(),  # share of the traces with a leak
        "tokens": pl.Int64(),  # completion tokens of the traces; null if not known
        "mix": pl.Int64(),  # traces in the mix; null if no mix was made
        # Traces that the recipe asks for; with `max`, or a size in text, the number that this came to.
        "target": pl.Int64(),
        "met": pl.Boolean(),  # whether the mix met every target
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


def rows_of(cell: Cell, run: Run, shortfall: str | None) -> list[Row]:
    """Return a row for each mix of a finished cell; `shortfall` says by how much it misses its targets."""
    traces = of_selected_tasks(traces_in_short(run))
    made = run.manifest(MIX.name)  # without one, the folder may hold the mix of an earlier recipe
    answered = traces.filter(~pl.col("failed"))
    of_all = missing_row(cell) | _figures(answered) | {"failed": traces["failed"].sum()}
    mixes = dict(run.recipe.balance.named_mixes())
    named = run.recipe.balance.mixes is not None
    short = _by_mix(shortfall, list(mixes)) if named and made is not None else dict.fromkeys(mixes, shortfall)
    rows = []
    for name, settings in mixes.items():
        said = short[name]
        row = of_all | {"state": "short" if said else "done", "met": said is None, "shortfall": said}
        row |= {"mix_name": name} if named else {}
        if made is None:
            rows.append(row | {"target": settings.traces})
            continue
        target = made.counts["mixes"][name]["target_size"]
        rows.append(row | _of_mix(answered, run.scan(MIX).filter(mix=name)) | {"target": target})
    return rows


def _of_mix(answered: pl.DataFrame, table: pl.LazyFrame) -> Row:
    mix = answered.join(table.filter("selected").select("trace_id").collect(), on="trace_id", how="semi")
    in_mix = {f"mix_{name}": value for name, value in _figures(mix).items() if f"mix_{name}" in COLUMNS}
    coverage = {"mix_tasks": mix["task_id"].n_unique(), "mix_families": mix["family"].n_unique()}
    return in_mix | coverage | {"mix": mix.height}


def _by_mix(shortfall: str | None, names: list[str]) -> dict[str, str | None]:
    """Divide the stage's message into one per mix: each part begins with the mix's name.

    A mix that is not named meets its targets. A message that names none applies to all.
    """
    parts: dict[str, list[str]] = {}
    current: list[str] = []
    for line in (shortfall or "").splitlines():
        name, _, said = line.removeprefix(_STAGE).partition(": ")
        if name in names:
            current = parts[name] = [f"{_STAGE}{said}"]
        else:
            current.append(line)
    if not parts:
        return dict.fromkeys(names, shortfall)
    return {name: "\n".join(parts[name]) if name in parts else None for name in names}


def _figures(traces: pl.DataFrame) -> Row:
    """Summarise traces with a response: their number, accuracy, density, leak rate and tokens."""
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
    """Return the rows, in the grid's order: the settings that vary, then `COLUMNS`.

    A cell with several mixes has a row for each; if no recipe names mixes, there is no `mix_name`. A setting whose
    values are all whole numbers, or all numbers, has that type; otherwise it is text as in a recipe. A setting with the
    name of a column gets `set ` before it.
    """
    values = {cell.name: cell.values for cell in cells}
    settings = [_column(key, [values[row["cell"]][key] for row in rows]) for key in cells[0].values]
    table = pl.DataFrame(settings).hstack(pl.DataFrame(list(rows), schema=COLUMNS))
    return table if table["mix_name"].is_not_null().any() else table.drop("mix_name")


def _column(key: str, texts: list[str]) -> pl.Series:
    values = [YAML(typ="safe", pure=True).load(text) for text in texts]
    name = f"set {key}" if key in COLUMNS else key
    for kind, dtype in ((int, pl.Int64()), (int | float, pl.Float64())):
        if all(isinstance(value, kind) and not isinstance(value, bool) for value in values):
            return pl.Series(name, values, dtype=dtype)
    return pl.Series(name, texts, dtype=pl.String())


def write_comparison(folder: Path, name: str, settings: Settings, cells: Sequence[Cell], rows: Sequence[Row]) -> None:
    """Write sweep.csv, and sweep.json with each cell's settings besides. `name` is the recipe's."""
    content = {"recipe": name, "settings": settings, "cells": with_settings(cells, rows)}
    text = orjson.dumps(content, option=orjson.OPT_INDENT_2).decode()
    write_text(folder / FILE_NAME, text + "\n")
    write_text(folder / "sweep.csv", comparison(cells, rows).write_csv())


def with_settings(cells: Sequence[Cell], rows: Sequence[Row]) -> list[Row]:
    """Return the rows for JSON, each with the settings of its cell; without `mix_name` if no recipe names mixes."""
    values = {cell.name: cell.values for cell in cells}
    named = any(row["mix_name"] is not None for row in rows)
    kept = [name for name in COLUMNS if named or name != "mix_name"]
    return [{"settings": values[row["cell"]]} | {name: row[name] for name in kept} for row in rows]
