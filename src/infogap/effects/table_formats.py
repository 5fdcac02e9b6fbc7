"""How quantities and their intervals are written in tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infogap.effects.compared_traces import Quantity
from infogap.effects.paired_differences import FEWEST_TASKS, Difference
from infogap.effects.task_estimates import Estimate

if TYPE_CHECKING:
    from rich.table import Table

_HEADINGS = {
    "score": "score",
    "epistemic_count": "markers",
    "epistemic_density": "per 1,000",
    "gap_per_token": "gap/token",
    "surprisal": "surprisal",
    "rsr": "RSR",
}
_FORMS = {
    "score": ".2f",
    "length": ",.0f",
    "epistemic_count": ".2f",
    "epistemic_density": ".2f",
    "gap_per_token": ".3f",
    "surprisal": ".3f",
    "rsr": ".2f",
}
_OTHER_FORM = ",.3f"


def figure_table(title: str, names: list[str], figures: list[str]) -> Table:
    """Make an empty table with columns of names, and then of figures."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=True)
    for figure in figures:
        table.add_column(figure, justify="right")
    return table


def heading(quantity: Quantity, unit: str) -> str:
    """What a quantity is called: score, tokens, kim2026 markers, kim2026 per 1,000."""
    if quantity.name == "length":
        return unit
    return " ".join(filter(None, (quantity.lexicon, _HEADINGS.get(quantity.name, quantity.name))))


def number(value: float | None, quantity: Quantity, sign: str = "") -> str:
    """A quantity's value as it is shown."""
    return "-" if value is None else format(value, f"{sign}{_FORMS.get(quantity.name, _OTHER_FORM)}")


def interval(row: Difference | Estimate, sign: str = "", form: str = "") -> str:
    """Format an interval, or say why there is none. `form` takes the place of the quantity's own format."""
    if row.low is None or row.high is None:
        return (
            "too few tasks"
            if row.tasks < FEWEST_TASKS
            else "all tasks alike"
            if not row.differing
            else f"only {row.differing} differ{'s' if row.differing == 1 else ''}"
        )
    if form:
        return f"{row.low:{form}} to {row.high:{form}}"
    return f"{number(row.low, row.quantity, sign)} to {number(row.high, row.quantity, sign)}"
