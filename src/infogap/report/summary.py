"""What came of a run, in two tables: what each privilege did, and the mix."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from infogap.run import Run
from infogap.schema import MEASURES, TRACES, VERDICTS

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class PrivilegeRow:
    """One privilege of a run. Means are over traces without an error."""

    privilege: str
    traces: int
    failed: int
    accuracy: float | None  # share of correct among the traces that could be graded or gave no answer
    mean_tokens: float | None
    markers_per_1000: float | None  # all markers over all tokens (or words) of the privilege
    per: str  # tokens | words | tokens and words


def privilege_rows(run: Run) -> list[PrivilegeRow]:
    """A row per privilege, from unguided to the richest."""
    joined = (
        run.scan(TRACES)
        .select("trace_id", "privilege", "completion_tokens", "error")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id", how="left")
        .join(
            run.scan(MEASURES).select("trace_id", "words", "epistemic_count", "density_per"),
            on="trace_id",
            how="left",
        )
    )
    answered = pl.col("error").is_null()
    size = pl.when(pl.col("density_per") == "tokens").then("completion_tokens").otherwise("words")
    table = (
        joined.group_by("privilege")
        .agg(
            traces=pl.len(),
            failed=pl.col("error").is_not_null().sum(),
            correct=(pl.col("verdict") == "correct").filter(answered).sum(),
            graded=(pl.col("verdict") != "ungradable").filter(answered).sum(),
            mean_tokens=pl.col("completion_tokens").filter(answered).mean(),
            markers=pl.col("epistemic_count").filter(answered).sum(),
            size=size.filter(answered).sum(),
            per=pl.col("density_per").filter(answered).drop_nulls().unique().sort().str.join(" and "),
        )
        .collect()
    )
    order = _order(run)
    rows = sorted(table.to_dicts(), key=lambda row: (order.get(row["privilege"], len(order)), row["privilege"]))
    return [
        PrivilegeRow(
            privilege=row["privilege"],
            traces=row["traces"],
            failed=row["failed"],
            accuracy=row["correct"] / row["graded"] if row["graded"] else None,
            mean_tokens=row["mean_tokens"],
            markers_per_1000=1000 * row["markers"] / row["size"] if row["size"] else None,
            per=row["per"] or "tokens",
        )
        for row in rows
    ]


def _order(run: Run) -> dict[str, int]:
    """Privileges by richness; equal ones as the recipe names them."""
    uses = run.recipe.generate.uses if run.recipe.generate else []
    ranked = sorted(enumerate(uses), key=lambda entry: (entry[1].richness, entry[0]))
    return {use.label: rank for rank, (_, use) in enumerate(ranked)}


def mix_counts(run: Run) -> dict[str, Any]:
    """The balance stage's counts: size, target_size, axes (target, achieved, available per value), reasons."""
    found = run.manifest("mix")
    return found.counts if found else {}


def summary(run: Run) -> dict[str, Any]:
    """Both tables and where the dataset is, as JSON-able values."""
    return {
        "run": str(run.path),
        "dataset": str(run.path / "dataset"),
        "privileges": [asdict(row) for row in privilege_rows(run)],
        "mix": mix_counts(run),
    }


def print_summary(run: Run) -> None:
    """The tables on stdout, and what to do next."""
    from rich.console import Console

    console = Console(highlight=False)
    console.print()
    console.print(privilege_table(run))
    console.print(mix_table(run))
    console.print(_next_steps(run), markup=False, soft_wrap=True)


def privilege_table(run: Run) -> Table:
    """Privilege x (traces, accuracy, mean tokens, markers)."""
    from rich.table import Table

    rows = privilege_rows(run)
    per = " and ".join(sorted({row.per for row in rows})) or "tokens"
    table = Table(title="What each privilege did", title_justify="left", title_style="bold")
    for heading in ("privilege", "traces", "failed", "accuracy", "mean tokens", f"markers per 1,000 {per}"):
        table.add_column(heading, justify="left" if heading == "privilege" else "right")
    for row in rows:
        table.add_row(
            row.privilege,
            f"{row.traces:,}",
            f"{row.failed:,}",
            _number(row.accuracy, ".2f"),
            _number(row.mean_tokens, ",.0f"),
            _number(row.markers_per_1000, ".2f"),
        )
    return table


def mix_table(run: Run) -> Table:
    """Per value of every axis of the mix: target, achieved, available."""
    from rich.table import Table

    counts = mix_counts(run)
    size, target = counts.get("size", 0), counts.get("target_size")
    wanted = f" of {target:,}" if target is not None and target != size else ""
    title = f"The mix: {size:,}{wanted} traces of {counts.get('tasks', 0):,} tasks"
    table = Table(title=title, title_justify="left", title_style="bold")
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
    dataset = run.path / "dataset"
    default = run.recipe.publish.configs[0]
    publish = f"infogap publish {run.path} --push" if run.recipe.publish.repo else "set publish.repo to push to the Hub"
    return (
        f"dataset   {dataset}\n"
        f"report    {run.path / 'report' / 'index.html'}\n"
        f'load it   python -c \'from datasets import load_dataset; print(load_dataset("{dataset}", "{default}"))\'\n'
        f"look      infogap show {run.path}\n"
        f"next      {publish}"
    )


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
