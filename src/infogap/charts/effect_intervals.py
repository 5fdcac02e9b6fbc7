"""Draw the effects of privileges: differences to `unguided`, each with its interval."""

from __future__ import annotations

from typing import Any

import polars as pl

from infogap.charts.drawing import INK, PALETTE, QUIET, Chart, label, legend_below, name_rows, new_figure
from infogap.effects.paired_differences import Difference
from infogap.effects.teacher_results import Effects

_ROLES = {"privilege": PALETTE[0], "control": PALETTE[1], "style": PALETTE[3], "scoring": PALETTE[2]}


def differences(effects: Effects) -> Chart | None:
    """Draw each privilege's difference to `unguided` in markers (first lexicon) and in length; None if there is none.

    Points whose interval excludes 0 are filled; a cross is a mean without an interval. The numbers have a row per
    privilege and quantity: `privilege`, `role`, `quantity`, `tasks`, `mean`, `low`, `high`.
    """
    shown = [quantity for quantity in effects.quantities if quantity.name in ("epistemic_count", "length")][:2]
    shown.sort(key=lambda quantity: quantity.name)  # markers first
    order = list(dict.fromkeys(row.privilege for row in effects.differences))
    if not order:
        return None
    figure, panels = new_figure(0.42 * len(order) + 1.4, columns=len(shown))
    rows = []
    for quantity, axes in zip(shown, panels, strict=True):
        axes.axvline(0, color=INK, linewidth=0.8)
        name = effects.unit if quantity.name == "length" else f"{quantity.lexicon} markers per response"
        for row in effects.differences:
            if row.quantity == quantity:
                role = effects.role(row.privilege)
                _point(axes, order.index(row.privilege), row, role)
                bounds = {"tasks": row.tasks, "mean": row.mean, "low": row.low, "high": row.high}
                rows.append({"privilege": row.privilege, "role": role, "quantity": name} | bounds)
        axes.set_xlabel(label(f"{name}, difference to {effects.unguided}"))
        name_rows(axes, order if axes is panels[0] else [""] * len(order))
    legend_below(figure, _legend(effects, order))
    caption = "Differences to unguided on the same tasks, with 95 % intervals over tasks."
    return Chart("effects", caption, pl.DataFrame(rows, infer_schema_length=None), figure)


def _point(axes: Any, place: int, row: Difference, role: str) -> None:
    color = _ROLES[role]
    if row.low is None or row.high is None:
        axes.plot(row.mean, place, marker="x", markersize=5, color=QUIET)
        return
    axes.plot([row.low, row.high], [place, place], color=color, linewidth=1.6)
    axes.plot(row.mean, place, "o", markersize=6, color=color, markerfacecolor=color if row.excludes_zero else "white")


def _legend(effects: Effects, order: list[str]) -> list[Any]:
    from matplotlib.lines import Line2D

    roles = dict.fromkeys(effects.role(privilege) for privilege in order)
    handles = [Line2D([], [], color=_ROLES[role], linewidth=1.6, label=role) for role in roles]
    filled = Line2D([], [], marker="o", linestyle="", color=QUIET, label="interval excludes 0")
    hollow = Line2D([], [], marker="o", linestyle="", color=QUIET, markerfacecolor="white", label="includes 0")
    handles += [filled, hollow]
    if any(row.low is None for row in effects.differences):
        handles.append(Line2D([], [], marker="x", linestyle="", color=QUIET, label="no interval"))
    return handles
