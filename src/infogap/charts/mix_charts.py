"""Draw the mixes: targets beside what was achieved, and how they cover the families of tasks."""

from __future__ import annotations

from typing import Any

import polars as pl

from infogap.charts.drawing import INK, PALETTE, Chart, label, legend_below, name_rows, new_figure
from infogap.recipe.balance_section import THE_MIX
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TASKS, TRACES

_VALUES = 60  # of an axis; one with more is left out
_BARS = 60  # with more of them, coverage is a curve over families


def mix_targets(run: Run) -> Chart | None:
    """Draw every value of the mixes' axes: achieved as a bar, the target as a line; None if no axis has values.

    The numbers: `mix`, `axis`, `value`, `target` (null without one), `achieved`, `available`, in traces.
    """
    manifest = run.manifest(MIX.name)
    mixes: dict[str, dict[str, Any]] = manifest.counts.get("mixes", {}) if manifest else {}
    rows = [
        {"mix": name, "axis": axis, "value": value} | {key: cell[key] for key in ("target", "achieved", "available")}
        for name, counts in mixes.items()
        for axis, values in counts["axes"].items()
        if len(values) <= _VALUES
        for value, cell in values.items()
    ]
    if not rows:
        return None
    figure, (axes,) = new_figure(0.26 * len(rows) + 1.3)
    places = range(len(rows))
    bars = axes.barh(places, [row["achieved"] for row in rows], height=0.62, color=PALETTE[0], alpha=0.8)
    bars.set_label("achieved")
    aimed = [(place, row["target"]) for place, row in zip(places, rows, strict=True) if row["target"] is not None]
    handles = [bars]
    if aimed:
        at, targets = zip(*aimed, strict=True)
        lines = axes.vlines(targets, [p - 0.42 for p in at], [p + 0.42 for p in at], color=INK, linewidth=2)
        lines.set_label("target")
        handles.append(lines)
    name_rows(axes, [_name(row) for row in rows])
    _count_axis(axes.xaxis, "traces")
    axes.set_xlim(left=0)
    legend_below(figure, handles)
    caption = "Traces of the mix by the values of its axes: achieved (bar) and target (line)."
    return Chart("mix", caption, pl.DataFrame(rows, infer_schema_length=None), figure)


def _name(row: dict[str, Any]) -> str:
    own = f"{row['axis']}: {row['value']}"
    return own if row["mix"] == THE_MIX else f"{row['mix']}, {own}"


def coverage(run: Run) -> Chart | None:
    """Draw the traces of each family in each mix: bars, or a curve over families for many; None without families.

    The numbers: `mix`, `family`, `tasks` and `traces`, the largest family first.
    """
    counted = (
        run.scan(MIX)
        .filter("selected")
        .select("mix", "trace_id")
        .join(run.scan(TRACES).select("trace_id", "task_id"), on="trace_id")
        .join(run.scan(TASKS).select("task_id", "family"), on="task_id")
        .drop_nulls("family")
        .group_by("mix", "family")
        .agg(tasks=pl.col("task_id").n_unique(), traces=pl.len())
        .collect()
        .sort("mix", "traces", "family", descending=[False, True, False])
    )
    if counted["family"].n_unique() < 2:
        return None
    mixes = [name for name, _ in run.recipe.balance.named_mixes() if name in set(counted["mix"])]
    families = counted.group_by("family").agg(pl.col("traces").sum()).sort("traces", "family", descending=[True, False])
    if families.height * len(mixes) <= _BARS:
        return _coverage_bars(counted, families["family"].to_list(), mixes)
    return _coverage_curves(counted, mixes)


def _coverage_bars(counted: pl.DataFrame, families: list[str], mixes: list[str]) -> Chart:
    """Draw a bar per family and mix, the mixes of a family side by side."""
    figure, (axes,) = new_figure((0.12 + 0.16 * len(mixes)) * len(families) + (1.4 if len(mixes) > 1 else 1.0))
    handles, height = [], 0.7 / len(mixes)
    for place, name in enumerate(mixes):
        traces = dict(counted.filter(mix=name).select("family", "traces").iter_rows())
        at = [row + (place - (len(mixes) - 1) / 2) * height for row in range(len(families))]
        bars = axes.barh(at, [traces.get(family, 0) for family in families], height=height * 0.9, **_look(place))
        bars.set_label(label(name))
        handles.append(bars)
    name_rows(axes, families)
    _count_axis(axes.xaxis, "traces in the mix")
    if len(mixes) > 1:
        legend_below(figure, handles)
    return Chart("coverage", "Traces of the mix by family of tasks.", counted, figure)


def _look(place: int) -> dict[str, Any]:
    """Return the colour and hatching of a mix's bars: not by colour alone."""
    hatch = ("", "//", "..", "xx")[place % 4]
    return {"color": PALETTE[place % len(PALETTE)], "alpha": 0.8, "hatch": hatch, "edgecolor": "white", "linewidth": 0}


def _coverage_curves(counted: pl.DataFrame, mixes: list[str]) -> Chart:
    """Draw a curve per mix: the traces of each family, the largest family first."""
    figure, (axes,) = new_figure(3.2 if len(mixes) == 1 else 3.6)
    handles = []
    for place, name in enumerate(mixes):
        sizes = counted.filter(mix=name)["traces"].to_list()
        style = ("-", "--", ":", "-.")[place % 4]
        colour = PALETTE[place % len(PALETTE)]
        (line,) = axes.step(range(1, len(sizes) + 1), sizes, where="mid", color=colour, linestyle=style, linewidth=1.8)
        line.set_label(label(f"{name}: {len(sizes):,} families"))
        handles.append(line)
    axes.set_ylim(bottom=0)
    _count_axis(axes.xaxis, "families, the largest first")
    _count_axis(axes.yaxis, "traces in the mix")
    if len(mixes) > 1:
        legend_below(figure, handles)
    return Chart("coverage", "Traces of each family in the mix, the largest family first.", counted, figure)


def _count_axis(axis: Any, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))
    axis.set_label_text(name)
