"""The funnel of a run as a table: traces read or generated, and what took each of them away from the mix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infogap.balance.funnel import Funnel
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TRACES

if TYPE_CHECKING:
    from rich.table import Table


def funnel_of(run: Run) -> Funnel | None:
    """The funnel of the run's mix; None where there is no mix."""
    found = run.manifest(MIX.name)
    counts = found.counts.get("funnel") if found else None
    return Funnel.from_counts(counts) if counts else None


def funnel_title(run: Run, funnel: Funnel) -> str:
    """How many traces there were at first."""
    return f"From {funnel.traces:,} traces {'read' if run.recipe.imports else 'generated'} to the mix"


def rows_not_imported(run: Run) -> str:
    """What stands before an import's traces: the rows that gave none; empty where all did."""
    found = run.manifest(TRACES.name) if run.recipe.imports else None
    sources = found.counts.get("sources", []) if found else []
    left_out: dict[str, int] = {}
    for source in sources:
        for reason, count in source["left_out"].items():
            left_out[reason] = left_out.get(reason, 0) + count
    if not left_out:
        return ""
    rows = sum(source["rows"] for source in sources)
    return f"not imported, of {rows:,} rows: " + ", ".join(f"{count:,} {why}" for why, count in left_out.items())


def funnel_table(run: Run, funnel: Funnel) -> Table:
    """A row per loss, with what is left after it."""
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
    """The funnel on stdout, and what stood before it."""
    from infogap.console import stdout

    if (funnel := funnel_of(run)) is None:
        return
    console = stdout()
    if before := rows_not_imported(run):
        console.print(before, style="dim")
    console.print(funnel_table(run, funnel))
