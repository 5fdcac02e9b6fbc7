"""Draw a run's figures as inline SVG, with matplotlib (the extra `plots`)."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from infogap.effects.paired_differences import Difference
from infogap.effects.teacher_results import Effects
from infogap.effects.trace_summary import by_privilege, density_unit, of_selected_tasks
from infogap.gap.calibration import Calibration
from infogap.recipe import Recipe
from infogap.recipe.balance_section import THE_MIX
from infogap.report.run_summary import mix_counts
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TRACES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_WIDTH = 7.5  # inches
_BARS = 60  # values of an axis that a figure shows at most
UNCERTAIN, CONFIDENT = "#c8553d", "#2f6690"
_ROLES = {"privilege": "#2f6690", "control": "#d08c3f", "style": "#7b5ea7"}
_WITHOUT_INTERVAL = "#999999"


def available() -> bool:
    """Return True if matplotlib is installed."""
    return find_spec("matplotlib") is not None


def density_by_privilege(traces: pl.DataFrame, recipe: Recipe) -> str:
    """Draw every trace's epistemic density as a point, per privilege, with the median.

    `traces` is from `traces_in_short`.
    """
    order = list(dict.fromkeys(row.privilege for row in by_privilege(traces, recipe)))
    densities = of_selected_tasks(traces).drop_nulls("epistemic_density")
    figure, (axes,) = new_figure(0.5 * len(order) + 1.2)
    points_by_group(
        axes,
        {name: densities.filter(pl.col("privilege") == name)["epistemic_density"].to_numpy() for name in order},
    )
    axes.set_xlabel(f"epistemic markers per 1,000 {density_unit(traces)}, a point per trace; line: median")
    return svg(figure)


def points_by_group(axes: Any, groups: dict[str, np.ndarray]) -> None:
    """Draw a row per group: its values as points, its median as a line."""
    for place, values in enumerate(groups.values()):
        if not len(values):
            continue
        # A fixed spread instead of random jitter, so that the same run gives the same picture.
        spread = [((index * 0.618034) % 1 - 0.5) * 0.6 for index in range(len(values))]
        axes.scatter(values, [place + off for off in spread], s=9, alpha=0.35, color=UNCERTAIN, linewidths=0)
        median = float(np.median(values))
        axes.plot([median, median], [place - 0.38, place + 0.38], color="black", linewidth=1.6)
    axes.set_yticks(range(len(groups)), list(groups))
    axes.invert_yaxis()


def mix(run: Run) -> str:
    """Draw every value of the mixes' axes: the target as an outline, the achieved count as a bar."""
    cells = [
        (f"{axis}: {value}" if name == THE_MIX else f"{name}, {axis}: {value}", cell)
        for name, counts in mix_counts(run).items()
        for axis, values in counts["axes"].items()
        if len(values) <= _BARS
        for value, cell in values.items()
    ]
    if not cells:
        return ""
    figure, (axes,) = new_figure(0.28 * len(cells) + 1.0)
    places = range(len(cells))
    axes.barh(places, [cell["achieved"] for _, cell in cells], height=0.6, color=CONFIDENT, label="achieved")
    targets = [cell["target"] or 0 for _, cell in cells]
    axes.barh(places, targets, height=0.8, fill=False, edgecolor="black", linewidth=1.0, label="target")
    axes.set_yticks(places, [name for name, _ in cells])
    axes.invert_yaxis()
    axes.set_xlabel("traces")
    axes.legend(frameon=False, loc="lower right")
    return svg(figure)


def differences(effects: Effects) -> str:
    """Draw each privilege's difference to `unguided` in markers (first lexicon) and in length, with its interval.

    Points whose interval excludes 0 are filled; a cross is a mean without an interval.
    """
    shown = [quantity for quantity in effects.quantities if quantity.name in ("epistemic_count", "length")][:2]
    shown.sort(key=lambda quantity: quantity.name)  # markers first
    order = list(dict.fromkeys(row.privilege for row in effects.differences))
    if not order:
        return ""
    figure, panels = new_figure(0.42 * len(order) + 1.4, columns=len(shown))
    for quantity, axes in zip(shown, panels, strict=True):
        axes.axvline(0, color="black", linewidth=0.8)
        for row in effects.differences:
            if row.quantity == quantity:
                _point(axes, order.index(row.privilege), row, effects.role(row.privilege))
        name = effects.unit if quantity.name == "length" else f"{quantity.lexicon} markers per response"
        axes.set_xlabel(f"{name}, difference to {effects.unguided}")
        axes.set_yticks(range(len(order)), order if axes is panels[0] else [""] * len(order))
        axes.set_ylim(len(order) - 0.5, -0.5)
    figure.legend(handles=_legend(effects, order), frameon=False, loc="outside lower center", ncols=4)
    return svg(figure)


def _point(axes: Any, place: int, row: Difference, role: str) -> None:
    color = _ROLES[role]
    if row.low is None or row.high is None:
        axes.plot(row.mean, place, marker="x", markersize=5, color=_WITHOUT_INTERVAL)
        return
    axes.plot([row.low, row.high], [place, place], color=color, linewidth=1.6)
    axes.plot(row.mean, place, "o", markersize=6, color=color, markerfacecolor=color if row.excludes_zero else "white")


def _legend(effects: Effects, order: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    roles = dict.fromkeys(effects.role(privilege) for privilege in order)
    handles = [Line2D([], [], color=_ROLES[role], linewidth=1.6, label=role) for role in roles]
    filled = Line2D([], [], marker="o", linestyle="", color="grey", label="interval excludes 0")
    hollow = Line2D([], [], marker="o", linestyle="", color="grey", markerfacecolor="white", label="includes 0")
    handles += [filled, hollow]
    if any(row.low is None for row in effects.differences):
        handles.append(Line2D([], [], marker="x", linestyle="", color=_WITHOUT_INTERVAL, label="no interval"))
    return handles


def new_figure(height: float, columns: int = 1) -> tuple[Figure, list[Any]]:
    """Return a figure and its axes, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    panels = list(figure.subplots(1, columns, squeeze=False)[0])
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, panels


def svg(figure: Figure) -> str:
    """Return the figure as inline SVG, the same text for the same picture."""
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "infogap", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def gap_by_privilege(run: Run, order: list[str]) -> str:
    """Draw every trace's gap per token as a point, per privilege, with the median."""
    rows = (
        run.scan(TRACES)
        .select("trace_id", "privilege")
        .join(run.scan(GAPS).select("trace_id", "gap_per_token"), on="trace_id")
        .drop_nulls()
        .collect()
        .sort("trace_id")
    )
    values = {name: rows.filter(pl.col("privilege") == name)["gap_per_token"].to_numpy() for name in order}
    figure, (axes,) = new_figure(0.5 * len(order) + 1.2)
    axes.axvline(0, color="black", linewidth=0.8)
    points_by_group(axes, values)
    axes.set_xlabel("gap in nats per token, a point per trace; line: median")
    return svg(figure)


def reliability(calibration: Calibration) -> str:
    """Draw, per bin of confidence, the share of correct answers, against the diagonal of perfect calibration."""
    figure, (axes,) = new_figure(3.6)
    axes.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    largest = max((group.traces for group in calibration.bins), default=1)
    for group in calibration.bins:
        area = 30 + 220 * group.traces / largest
        axes.scatter([group.confidence], [group.accuracy], s=area, color=CONFIDENT, alpha=0.8, linewidths=0)
        axes.plot([group.confidence] * 2, [group.confidence, group.accuracy], color=UNCERTAIN, linewidth=1.2)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.05, 1.05)
    axes.set_aspect("equal")
    axes.set_xlabel("probability of the final answer; area: traces")
    axes.set_ylabel("share of correct answers")
    return svg(figure)
