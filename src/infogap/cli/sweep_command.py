"""`infogap sweep`: a grid of recipes, run and compared in one table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infogap.cli.app import RUNS, command
from infogap.cli.recipe_argument import RecipeName, Trust, Yes, agree_to_run, recipe_named
from infogap.console import output, print_json, speaking, stdout
from infogap.errors import ExternalError, ShortfallError, StoppedError

if TYPE_CHECKING:
    from rich.table import Table

    from infogap.api.sweep import Sweep
    from infogap.sweeps.grid import Cell

Row = dict[str, Any]
_STYLES = {"short": "yellow", "missing": "dim"}
_GAP = 2  # between columns


@command(RUNS)
def sweep(
    recipe: RecipeName,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE,...",
            help="A key of the recipe with its values: generate.samples=4,8. Repeatable; every combination is run.",
        ),
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="The folder for its runs; by default sweeps/NAME.")
    ] = None,
    yes: Yes = False,
    trust: Trust = False,
) -> None:
    """Run a grid of recipes, sharing what they have in common, and compare them in one table."""
    from infogap.api.sweep import Sweep
    from infogap.sweeps.grid import parse_settings

    named = recipe_named(recipe, trust=trust)
    agree_to_run(named, None, run or Path("sweeps"), yes=yes)
    opened = Sweep(named, parse_settings(set_ or []), run)
    try:
        with speaking(quiet=output.quiet):
            opened.update()
    except (ExternalError, StoppedError):
        _print(opened)
        raise
    _print(opened)
    if short := list(dict.fromkeys(row["cell"] for row in opened.rows if row["state"] == "short")):
        raise ShortfallError(
            f"{len(short)} of {len(opened.cells)} cells fall short of their target: {', '.join(short)}; "
            f"{opened.folder / 'sweep.json'} says by how much"
        )


def _print(opened: Sweep) -> None:
    if output.json:
        from infogap.sweeps.comparison import with_settings

        print_json({"folder": str(opened.folder), "cells": with_settings(opened.cells, opened.rows)})
    elif not output.quiet:
        console = stdout()
        console.print()
        for part in comparison_in_words(opened.cells, opened.rows, console.width):
            console.print(part, soft_wrap=isinstance(part, str))
        console.print(_next_steps(opened.folder, opened.rows[0]["cell"]), soft_wrap=True)


def comparison_in_words(cells: list[Cell], rows: list[Row], width: int) -> Iterator[Table | str]:
    """Yield the comparison: a table of at most `width` columns (80 or more), then the lines under it.

    The table has a row per cell, or one for each of its mixes. Settings that are too long for it are listed below, by
    number.
    """
    of_cell = {cell.name: cell for cell in cells}
    titles = [_title(of_cell[row["cell"]], row) for row in rows]
    figures = [[figure(row) for figure in _FIGURES.values()] for row in rows]
    keys = list(cells[0].values)
    last = [key.rpartition(".")[2] for key in keys]
    headings = [short if last.count(short) == 1 else key for key, short in zip(keys, last, strict=True)]
    chosen = [list(of_cell[row["cell"]].values.values()) for row in rows]
    if any(row["mix_name"] is not None for row in rows):
        headings.append("mix")
        chosen = [[*values, row["mix_name"] or "-"] for values, row in zip(chosen, rows, strict=True)]
    numbered = _width(headings, chosen) + _GAP + _width(list(_FIGURES), figures) > width
    if numbered:
        headings, chosen = ["cell"], [[str(number)] for number, _ in enumerate(rows, start=1)]
    yield _table(headings, chosen, figures, [row["state"] for row in rows])
    if numbered:
        yield from (f"{number:>4}  {title}" for number, title in enumerate(titles, start=1))
    reported = set()
    for title, row in zip(titles, rows, strict=True):
        if row["state"] == "missing":
            yield f"{title}: not finished; the same command continues"
        if row["failed"] and row["cell"] not in reported:
            yield f"{of_cell[row['cell']].title}: {row['failed']:,} requests failed"
        reported.add(row["cell"])
        if row["shortfall"]:
            yield f"{title}: {row['shortfall'].splitlines()[0]}"


def _title(cell: Cell, row: Row) -> str:
    """Return the settings of a row's cell and, if it has several mixes, the row's mix."""
    return cell.title if row["mix_name"] is None else f"{cell.title}, mix {row['mix_name']}"


def _width(headings: list[str], texts: list[list[str]]) -> int:
    """Return the width in characters of some columns of a table."""
    lines = [[*heading.split("\n"), *(row[index] for row in texts)] for index, heading in enumerate(headings)]
    return sum(max(map(len, column)) for column in lines) + _GAP * (len(headings) - 1)


def _table(headings: list[str], chosen: list[list[str]], figures: list[list[str]], states: list[str]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    # The box has a blank between columns besides the padding.
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for heading in headings:
        table.add_column(heading, vertical="bottom", no_wrap=True)
    for heading in _FIGURES:
        table.add_column(heading, justify="right", no_wrap=True)
    for values, of_cell, state in zip(chosen, figures, states, strict=True):
        table.add_row(*values, *of_cell, style=_STYLES.get(state))
    return table


def _size(row: Row) -> str:
    """Format the size of the mix, and its target if it misses that."""
    if row["met"] or row["met"] is None or row["target"] is None:
        return _count(row["mix"])
    return f"{_count(row['mix'] or 0)}/{_count(row['target'])}"


def _count(number: int | None) -> str:
    """Format a number in at most six characters: 12,345, 123k, 1.23M."""
    if number is None:
        return "-"
    if number < 100_000:
        return f"{number:,}"
    unit, size = ("k", 1e3) if number < 999_500 else ("M", 1e6) if number < 999_500_000 else ("G", 1e9)
    return f"{number / size:.3g}{unit}"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


# Headings and figures: first of all traces, then of the mix.
_FIGURES: dict[str, Callable[[Row], str]] = {
    "traces": lambda row: _count(row["traces"]),
    "acc.": lambda row: _number(row["accuracy"], ".2f"),
    "dens.": lambda row: _number(row["density"], ".3g"),
    "leaks": lambda row: _number(row["leak_rate"], ".0%"),
    "mix\nsize": _size,
    "mix\ntasks": lambda row: _count(row["mix_tasks"]),
    "mix\nfam.": lambda row: _count(row["mix_families"]),
    "mix\ntokens": lambda row: _count(row["mix_tokens"]),
    "mix\ndens.": lambda row: _number(row["mix_density"], ".3g"),
}


def _next_steps(folder: Path, cell: str) -> str:
    return (
        f"table     {folder / 'sweep.csv'}, {folder / 'sweep.json'}\n"
        f"a cell    is a run: infogap show {shlex.quote(str(folder / cell))}"
    )
