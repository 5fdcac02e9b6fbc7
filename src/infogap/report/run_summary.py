"""Summary of a run in tables: what each privilege did, the funnel, and the mix."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infogap.balance.exclusion_reasons import Funnel
from infogap.console import stdout
from infogap.effects.mix_outlook import mix_profile
from infogap.effects.trace_summary import (
    PrivilegeFigures,
    by_privilege,
    density_unit,
    how_chosen,
    several_teachers,
    traces_in_short,
)
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TRACES

if TYPE_CHECKING:
    from rich.table import Table


def funnel_of(run: Run) -> Funnel | None:
    """Return the funnel of the run's mix; None without a mix."""
    manifest = run.manifest(MIX.name)
    counts = manifest.counts.get("funnel") if manifest else None
    return Funnel.from_counts(counts) if counts else None


def funnel_title(run: Run, funnel: Funnel) -> str:
    """Return the funnel's heading, with the number of traces at its start."""
    return f"From {funnel.traces:,} traces {'read' if run.recipe.imports else 'generated'} to the mix"


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


def funnel_table(run: Run, funnel: Funnel) -> Table:
    """Build a row per loss, with the traces left after it."""
    from rich.table import Table

    table = Table(title=funnel_title(run, funnel), title_justify="left", title_style="bold")
    table.add_column("", overflow="fold")
    for heading in ("traces", "left"):
        table.add_column(heading, justify="right")
    for label, traces, left in funnel.rows():
        table.add_row(label, f"-{traces:,}", f"{left:,}")
    table.add_section()
    table.add_row("in the mix", "", f"{funnel.selected:,}", style="bold")
    return table


def print_funnel(run: Run) -> None:
    """Print the funnel, the rows that were not imported, and what the mix lets one expect."""
    if (funnel := funnel_of(run)) is None:
        return
    console = stdout()
    if before := rows_not_imported(run):
        console.print(before, style="dim")
    console.print(funnel_table(run, funnel))
    for sentence in outlook(run):
        console.print(sentence.replace("`", ""), style="dim", markup=False, highlight=False)


def outlook(run: Run) -> list[str]:
    """Say what is known of students trained on such a mix, in Markdown; nothing of an empty one."""
    profile = mix_profile(run)
    return profile.sentences() if profile else []


def mix_counts(run: Run) -> dict[str, Any]:
    """Return the mix's counts: size, target_size, axes (target, achieved, available per value), reasons, funnel."""
    manifest = run.manifest("mix")
    return manifest.counts if manifest else {}


def summary(run: Run) -> dict[str, Any]:
    """Return both tables and the dataset's folder as JSON-able values."""
    rows = by_privilege(traces_in_short(run), run.recipe)
    return {
        "run": str(run.path),
        "dataset": str(run.path / "dataset"),
        "privileges": [asdict(row) | {"accuracy": row.accuracy} for row in rows],
        "mix": mix_counts(run),
        "outlook": profile.as_json() if (profile := mix_profile(run)) else None,
    }


def print_summary(run: Run) -> None:
    """Print the tables, and what to do next."""
    console = stdout()
    console.print()
    console.print(privilege_table(run))
    for sentence in how_chosen(run.recipe):
        console.print(sentence.replace("`", ""), style="dim", markup=False, highlight=False)
    print_funnel(run)
    if mix_counts(run).get("axes"):
        console.print(mix_table(run))
    else:
        console.print(mix_title(run), style="bold")
    console.print(_next_steps(run), markup=False, soft_wrap=True)


def privilege_table(run: Run) -> Table:
    """Privilege (and teacher, where there are several) x (traces, accuracy, mean tokens, markers)."""
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
    for heading in columns:
        names = heading in ("privilege", "teacher")
        # Where the terminal is narrow headings are folded, so that a name such as `solution_no_think` can be read.
        table.add_column(heading, justify="left" if names else "right", overflow="fold", no_wrap=names)
    for row in rows:
        table.add_row(*(cell(row) for cell in columns.values()))
    return table


def mix_title(run: Run) -> str:
    """Return the mix's heading: its traces, of the target."""
    counts = mix_counts(run)
    size, target = counts.get("size", 0), counts.get("target_size")
    wanted = f" of {target:,}" if target is not None and target != size else ""
    return f"The mix: {size:,}{wanted} traces of {counts.get('tasks', 0):,} tasks"


def mix_table(run: Run) -> Table:
    """Build a row per value of every axis of the mix: target, achieved, available."""
    from rich.table import Table

    counts = mix_counts(run)
    table = Table(title=mix_title(run), title_justify="left", title_style="bold")
    for heading in ("axis", "value", "target", "achieved", "available"):
        table.add_column(heading, justify="left" if heading in ("axis", "value") else "right")
    for axis, values in counts.get("axes", {}).items():
        for index, (value, cell) in enumerate(values.items()):
            style = None if cell["achieved"] >= cell["target"] else "yellow"
            shown = [f"{cell[key]:,}" for key in ("target", "achieved", "available")]
            table.add_row("" if index else axis, value, *shown, style=style)
        table.add_section()
    return table


def _next_steps(run: Run) -> str:
    dataset, folder = run.path / "dataset", shlex.quote(str(run.path))
    default = run.recipe.publish.configs[0]
    publish = f"infogap publish {folder} --push" if run.recipe.publish.repo else "set publish.repo to push to the Hub"
    return (
        f"dataset   {dataset}\n"
        f"report    {run.path / 'report' / 'index.html'}\n"
        f'load it   python -c \'from datasets import load_dataset; print(load_dataset("{dataset}", "{default}"))\'\n'
        f"look      infogap show {folder}\n"
        f"next      {publish}"
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
