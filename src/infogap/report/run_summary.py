"""Summarize a run in tables: the figures of each privilege, the funnel, and the mix."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infogap.balance.exclusion_reasons import Funnel
from infogap.bucket.addresses import address_of
from infogap.console import stdout
from infogap.effects.given_away import given_away
from infogap.effects.mix_outlook import mix_profiles, outlook
from infogap.effects.trace_summary import (
    PrivilegeFigures,
    by_privilege,
    density_unit,
    how_chosen,
    several_teachers,
    traces_in_short,
)
from infogap.recipe.balance_section import THE_MIX
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TRACES
from infogap.verify.who_decides import who_decides

if TYPE_CHECKING:
    from rich.table import Table

_NAMES = ("privilege", "teacher")
_FIGURES = ("target", "achieved", "available")
_VALUES = 40  # of an axis in a table; if there are more, those that are short come first


def print_summary(run: Run) -> None:
    """Print the tables, and the next steps."""
    console = stdout()
    console.print()
    console.print(privilege_table(run))
    for sentence in (*how_chosen(run.recipe), *given_away(run), *who_decides(run)):
        console.print(sentence.replace("`", ""), style="dim", markup=False, highlight=False)
    print_funnel(run)
    print_mixes(run)
    print_outlook(run)
    console.print(_next_steps(run), markup=False, soft_wrap=True)


def summary(run: Run) -> dict[str, Any]:
    """Return both tables and the dataset's folder as JSON-able values."""
    rows = by_privilege(traces_in_short(run), run.recipe)
    return {
        "run": str(run.path),
        "dataset": str(run.path / "dataset"),
        "privileges": [asdict(row) | {"accuracy": row.accuracy} for row in rows],
        "mixes": mix_counts(run),
        "outlook": {name: profile.as_json() for name, profile in mix_profiles(run).items()},
    }


def privilege_table(run: Run, width: int | None = None) -> Table:
    """Build a row per privilege (and teacher, of several): traces, accuracy, mean tokens, markers.

    `width` is the terminal's, by default that of stdout.
    """
    from rich.table import Table

    traces = traces_in_short(run)
    table = Table(title="What each privilege did", title_justify="left", title_style="bold")
    rows = by_privilege(traces, run.recipe)
    columns: dict[str, Callable[[PrivilegeFigures], str]] = {"privilege": lambda row: row.privilege}
    if several_teachers(rows):
        columns["teacher"] = lambda row: row.teacher
    columns["traces"] = lambda row: f"{row.traces:,}"
    if any(row.failed for row in rows):
        columns["failed"] = lambda row: f"{row.failed:,}"
    columns["accuracy"] = lambda row: _number(row.accuracy, ".2f")
    columns["mean tokens"] = lambda row: _number(row.tokens, ",.0f")
    columns[f"markers per 1,000 {density_unit(traces)}"] = lambda row: _number(row.density, ".2f")
    cells = {heading: [cell(row) for row in rows] for heading, cell in columns.items()}
    for heading, wide in _widths(cells, stdout().width if width is None else width).items():
        left = heading in _NAMES
        # Headings wrap at words, a teacher's name anywhere; numbers and names of privileges stay whole.
        table.add_column(heading, width=wide, justify="left" if left else "right", overflow="fold")
    for row in zip(*cells.values(), strict=True):
        table.add_row(*row)
    return table


def _widths(cells: dict[str, list[str]], room: int) -> dict[str, int | None]:
    """Return the columns' widths where the table does not fit: first headings give way, then the teachers' names."""
    longest = {heading: max(map(len, (heading, *texts))) for heading, texts in cells.items()}
    borders = 3 * len(cells) + 1
    if sum(longest.values()) + borders <= room:
        return dict.fromkeys(cells)
    widths = {heading: max(map(len, (*heading.split(), *texts))) for heading, texts in cells.items()}
    if "teacher" in widths:
        widths["teacher"] = max(len("teacher"), widths["teacher"] - max(0, sum(widths.values()) + borders - room))
    return dict(widths)


def print_funnel(run: Run) -> None:
    """Print the funnel of each mix, and the rows that were not imported."""
    by_mix = funnels(run)
    console = stdout()
    if by_mix and (before := rows_not_imported(run)):
        console.print(before, style="dim")
    for name, funnel in by_mix.items():
        console.print(funnel_table(run, name, funnel))


def rows_not_imported(run: Run) -> str:
    """Say which rows of an import gave no trace, and why; empty if all did."""
    manifest = run.manifest(TRACES.name) if run.recipe.imports else None
    sources = manifest.counts.get("sources", []) if manifest else []
    left_out: dict[str, int] = {}
    for source in sources:
        for reason, count in source["left_out"].items():
            left_out[reason] = left_out.get(reason, 0) + count
    if not left_out:
        return ""
    rows = sum(source["rows"] for source in sources)
    return f"not imported, of {rows:,} rows: " + ", ".join(f"{count:,} {why}" for why, count in left_out.items())


def funnels(run: Run) -> dict[str, Funnel]:
    """Return the funnel of each of the run's mixes, by the mix's name."""
    return {name: Funnel.from_counts(counts["funnel"]) for name, counts in mix_counts(run).items()}


def funnel_table(run: Run, name: str, funnel: Funnel) -> Table:
    """Build a row per loss, with the traces left after it."""
    from rich.table import Table

    table = Table(title=funnel_title(run, name, funnel), title_justify="left", title_style="bold")
    table.add_column("", overflow="fold")
    for heading in ("traces", "left"):
        table.add_column(heading, justify="right")
    for label, traces, left in funnel.rows():
        table.add_row(label, f"-{traces:,}", f"{left:,}")
    table.add_section()
    table.add_row("in the mix", "", f"{funnel.selected:,}", style="bold")
    return table


def funnel_title(run: Run, name: str, funnel: Funnel) -> str:
    """Return the funnel's heading, with the number of traces at its start."""
    mix = "the mix" if name == THE_MIX else f"the mix {name}"
    made = "read" if run.recipe.imports else "generated"
    traces = "trace" if funnel.traces == 1 else "traces"
    return f"From {funnel.traces:,} {traces} {f'{made} or derived' if run.recipe.derive else made} to {mix}"


def print_mixes(run: Run) -> None:
    """Print, for each mix, target, achieved and available by value, or only its size if it has no axis."""
    for name, counts in mix_counts(run).items():
        print_mix_figures(name, counts)


def print_mix_figures(name: str, counts: dict[str, Any]) -> None:
    """Print the figures of one mix."""
    if counts["axes"]:
        stdout().print(mix_table(name, counts))
    else:
        stdout().print(mix_title(name, counts), style="bold")


def mix_table(name: str, counts: dict[str, Any]) -> Table:
    """Build a row per value of every axis of a mix: target, achieved, available; at most _VALUES of an axis."""
    from rich.table import Table

    table = Table(title=mix_title(name, counts), title_justify="left", title_style="bold")
    for heading in ("axis", "value", *_FIGURES):
        table.add_column(heading, justify="left" if heading in ("axis", "value") else "right")
    for axis, values in counts["axes"].items():
        short = {
            value for value, cell in values.items() if cell["target"] is not None and cell["achieved"] < cell["target"]
        }
        listed = (
            sorted(values, key=lambda value: value not in short)[:_VALUES] if len(values) > _VALUES else list(values)
        )
        for index, value in enumerate(listed):
            shown = ["-" if values[value][key] is None else f"{values[value][key]:,}" for key in _FIGURES]
            table.add_row("" if index else axis, value, *shown, style="yellow" if value in short else None)
        if len(values) > _VALUES:
            table.add_row("", f"and {len(values) - _VALUES:,} more", style="dim")
        table.add_section()
    return table


def mix_title(name: str, counts: dict[str, Any]) -> str:
    """Return a mix's heading, with its number of traces and the target."""
    size, target = counts["size"], counts["target_size"]
    wanted = f" of {target:,}" if target != size else ""
    title = "The mix" if name == THE_MIX else f"The mix {name}"
    traces = "trace" if (target if wanted else size) == 1 else "traces"
    return f"{title}: {size:,}{wanted} {traces} of {counts['tasks']:,} task{'' if counts['tasks'] == 1 else 's'}"


def mix_counts(run: Run) -> dict[str, dict[str, Any]]:
    """Return each mix's counts, in the recipe's order.

    They are size, target_size, axes (target, achieved and available per value), reasons and funnel.
    """
    manifest = run.manifest(MIX.name)
    counts: dict[str, dict[str, Any]] = manifest.counts.get("mixes", {}) if manifest else {}
    return {name: counts[name] for name, _ in run.recipe.balance.named_mixes() if name in counts}


def print_outlook(run: Run) -> None:
    """Print what published findings predict for students trained on the mixes."""
    for sentence in outlook(mix_profiles(run)):
        stdout().print(sentence.replace("`", ""), style="dim", markup=False, highlight=False)


def _next_steps(run: Run) -> str:
    from infogap.publish.published_views import views

    # Commands on the working copy of a run in a bucket would not reach the bucket.
    dataset, folder = run.path / "dataset", shlex.quote(address_of(run.path) or str(run.path))
    publish = f"infogap publish {folder} --push" if run.recipe.publish.repo else "set publish.repo to push to the Hub"
    lines = [f"report    {run.path / 'report' / 'index.html'}", f"look      infogap show {folder}"]
    written = run.manifest(dataset.name)
    configs = written.counts if written is not None else {}
    default = next((config.name for config, _ in views(run.recipe) if config.name in configs), None)
    if default is not None:
        load = f'from datasets import load_dataset; print(load_dataset("{dataset}", "{default}"))'
        lines = [f"dataset   {dataset}", lines[0], f"load it   python -c '{load}'", lines[1], f"next      {publish}"]
    return "\n".join(lines)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
