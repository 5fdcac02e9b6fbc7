"""Draw how a number is distributed over the traces of each privilege, with its mean over tasks; teachers apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from infogap.charts.drawing import INK, PALETTE, QUIET, Chart, label, name_rows, new_figure
from infogap.effects.compared_traces import Quantity
from infogap.effects.task_estimates import Estimate, estimates, task_values
from infogap.effects.trace_summary import by_privilege, density_unit, of_selected_tasks
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TRACES

_QUANTILES = {"p5": 0.05, "p25": 0.25, "median": 0.5, "p75": 0.75, "p95": 0.95}
_DOT = "Dot: mean over tasks with its 95 % interval; grey where too few tasks differ for one."
Group = tuple[str, str]  # privilege, teacher


def density_by_privilege(traces: pl.DataFrame, recipe: Recipe) -> Chart | None:
    """Draw the epistemic density under each privilege; None if no trace has one.

    `traces` is from `traces_in_short`. The numbers have a row per privilege and teacher: `privilege`, `teacher`,
    `traces`, `p5`, `p25`, `median`, `p75`, `p95` over traces; `tasks`, `mean`, `low` and `high` over tasks.
    """
    order = list(dict.fromkeys(row.privilege for row in by_privilege(traces, recipe)))
    columns = ("task_id", "privilege", "teacher", "epistemic_density")
    known = of_selected_tasks(traces.lazy()).select(columns).drop_nulls("epistemic_density").collect()
    unit = density_unit(traces)
    caption = (
        f"Epistemic markers per 1,000 {unit}, by privilege{_teachers_apart(known)}. Pale line: 5 % to 95 % of traces; "
        f"broad line: the middle half; tick: median. {_DOT}"
    )
    return _distribution(
        known, Quantity("epistemic_density"), order, recipe.seed, "density", f"markers per 1,000 {unit}", caption
    )


def gap_by_privilege(run: Run, order: list[str]) -> Chart | None:
    """Draw the information gap per token under each privilege; None if no trace has one.

    The numbers are as in `density_by_privilege`, in nats per token.
    """
    known = (
        run.scan(TRACES)
        .select("trace_id", "task_id", "privilege", "teacher")
        .join(run.scan(GAPS).select("trace_id", "gap_per_token"), on="trace_id")
        .drop_nulls("gap_per_token")
        .collect()
        .sort("trace_id")
    )
    caption = (
        f"Information gap in nats per token, by privilege{_teachers_apart(known)}. Pale line: 5 % to 95 % of traces; "
        f"broad line: the middle half; tick: median. {_DOT}"
    )
    return _distribution(
        known, Quantity("gap_per_token"), order, run.recipe.seed, "gap", "gap in nats per token", caption
    )


def _teachers_apart(traces: pl.DataFrame) -> str:
    return " and teacher" if traces["teacher"].n_unique() > 1 else ""


def _distribution(
    traces: pl.DataFrame, quantity: Quantity, order: list[str], seed: int, name: str, axis: str, caption: str
) -> Chart | None:
    if traces.is_empty():
        return None
    column = quantity.column
    spread = {
        (row["privilege"], row["teacher"]): row
        for row in traces.group_by("privilege", "teacher")
        .agg(
            pl.len().alias("traces"), *(pl.col(column).quantile(at, "linear").alias(q) for q, at in _QUANTILES.items())
        )
        .iter_rows(named=True)
    }
    teachers = sorted({teacher for _, teacher in spread})
    groups = [(privilege, teacher) for privilege in order for teacher in teachers if (privilege, teacher) in spread]
    means = estimates(
        {group: (quantity, task_values(_of(traces, group), quantity, "task_id")) for group in groups}, seed
    )
    figure, (axes,) = new_figure(0.34 * len(groups) + 1.0)
    if any(row["p5"] < 0 for row in spread.values()):
        axes.axvline(0, color=INK, linewidth=0.8)
    for place, (privilege, teacher) in enumerate(groups):
        row, colour = spread[privilege, teacher], PALETTE[teachers.index(teacher) % len(PALETTE)]
        axes.plot([row["p5"], row["p95"]], [place] * 2, color=colour, linewidth=2, alpha=0.35)
        axes.plot([row["p25"], row["p75"]], [place] * 2, color=colour, linewidth=7, alpha=0.35, solid_capstyle="butt")
        axes.plot([row["median"]] * 2, [place - 0.22, place + 0.22], color=colour, linewidth=1.6)
        _mean(axes, place, means.get((privilege, teacher)))
    name_rows(axes, [privilege if len(teachers) == 1 else f"{privilege}, {teacher}" for privilege, teacher in groups])
    axes.set_xlabel(label(axis))
    return Chart(name, caption, _numbers(groups, spread, means), figure)


def _of(traces: pl.DataFrame, group: Group) -> pl.DataFrame:
    return traces.filter(privilege=group[0], teacher=group[1])


def _mean(axes: Any, place: int, mean: Estimate | None) -> None:
    if mean is None:
        return
    if mean.low is not None and mean.high is not None:
        axes.plot([mean.low, mean.high], [place] * 2, color=INK, linewidth=1.4)
    axes.plot(mean.mean, place, "o", markersize=4.5, color=INK if mean.low is not None else QUIET)


def _numbers(
    groups: list[Group], spread: Mapping[Group, dict[str, object]], means: Mapping[Group, Estimate]
) -> pl.DataFrame:
    rows = []
    for group in groups:
        mean = means.get(group)
        of_tasks = {key: getattr(mean, key) if mean else None for key in ("tasks", "mean", "low", "high")}
        rows.append({**spread[group], **of_tasks})
    return pl.DataFrame(rows, infer_schema_length=None).select(
        "privilege", "teacher", "traces", *_QUANTILES, "tasks", "mean", "low", "high"
    )
