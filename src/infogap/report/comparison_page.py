"""Render the comparison of two runs or datasets: one self-contained page with their effects, mixes and rows.

It reads what each recorded of itself in infogap.json, so that a version from the Hub compares like a run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from infogap import __version__
from infogap.console import printable
from infogap.publish.diff import Difference, difference
from infogap.publish.published_dataset import PublishedDataset

_WIDTH, _HEIGHT, _MARGIN = 220.0, 40.0, 8.0  # of the picture of an effect, in pixels
_HEADINGS = {
    "score": "Score: the share of traces that are correct",
    "length": "Length: tokens, or words where tokens are not known",
    "epistemic_count": "Markers per trace",
    "epistemic_density": "Markers per 1,000 tokens or words",
    "gap_per_token": "Gap per token, in nats",
    "surprisal": "Surprisal per token, in nats",
    "rsr": "Rank-Surprisal Ratio",
    "gap": "Gap over that of the control, in nats per token",
    "leak_rate": "Leak rate: the share of traces with a leak",
}


@dataclass(frozen=True)
class RecordedEstimate:
    """An effect in one dataset: mean and 95 % interval over tasks; the bounds are None if too few tasks differ."""

    mean: float | None
    low: float | None
    high: float | None
    tasks: int

    @classmethod
    def of(cls, row: dict[str, Any] | None) -> RecordedEstimate | None:
        """Read an effect of infogap.json."""
        return None if row is None else cls(row["mean"], row["low"], row["high"], row["tasks"])

    @property
    def text(self) -> str:
        """Format it as `-21 (-26 to -17; 10 tasks)`."""
        if self.mean is None:
            return "-"
        bounds = "no interval" if self.low is None or self.high is None else f"{self.low:,.4g} to {self.high:,.4g}"
        return f"{self.mean:,.4g} ({bounds}; {self.tasks:,} task{'' if self.tasks == 1 else 's'})"


@dataclass(frozen=True)
class Mark:
    """An estimate in a picture, in pixels: the place of its mean, and of its interval if it has one."""

    mean: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class EffectRow:
    """One effect in both datasets; an estimate is None where a dataset lacks it."""

    name: str
    first: RecordedEstimate | None
    second: RecordedEstimate | None

    @property
    def says(self) -> str:
        """Say what the two intervals show."""
        if self.first is None or self.second is None:
            return f"only in {'B' if self.first is None else 'A'}"
        if self.first == self.second:
            return "the same"
        bounds = (self.first.low, self.first.high, self.second.low, self.second.high)
        low, high, other_low, other_high = bounds
        if low is None or high is None or other_low is None or other_high is None:
            return "without two intervals"
        return "apart" if high < other_low or other_high < low else "overlapping"


@dataclass(frozen=True)
class EffectTable:
    """The effects of one quantity, drawn to one scale."""

    heading: str
    rows: list[EffectRow]

    @property
    def _range(self) -> tuple[float, float]:
        both = [each for row in self.rows for each in (row.first, row.second) if each is not None]
        values = [value for each in both for value in (each.mean, each.low, each.high) if value is not None]
        return min([0.0, *values]), max([0.0, *values])

    def x(self, value: float) -> float:
        """Return the place of a value in the picture."""
        low, high = self._range
        share = 0.5 if high == low else (value - low) / (high - low)
        return round(_MARGIN + share * (_WIDTH - 2 * _MARGIN), 1)

    def mark(self, estimate: RecordedEstimate | None) -> Mark | None:
        """Return the marks of an estimate; None if it has no mean."""
        if estimate is None or estimate.mean is None:
            return None
        low, high = (None if bound is None else self.x(bound) for bound in (estimate.low, estimate.high))
        return Mark(self.x(estimate.mean), low, high)


@dataclass(frozen=True)
class MixValue:
    """A value of an axis in a mix: its traces in both datasets, as numbers and as shares in percent."""

    name: str
    first: int
    second: int
    first_share: float
    second_share: float


def comparison_page(first: Path, second: Path) -> tuple[str, Difference]:
    """Render the page that compares two runs or dataset folders, A and B; return it with the difference.

    Raises InputError if a folder holds no dataset made by infogap, or an incomplete one.
    """
    differences = difference(first, second)
    one, other = PublishedDataset(first), PublishedDataset(second)
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = (resources.files("infogap.report") / "templates" / "comparison.html.jinja").read_text(encoding="utf-8")
    text = environment.from_string(template).render(
        version=__version__,
        datasets=[("A", _name(one), str(first)), ("B", _name(other), str(second))],
        differences=differences,
        privileges=_privileges(one, other),
        tables=effect_tables(one.effects, other.effects),
        without_effects=[label for label, each in (("A", one), ("B", other)) if not each.effects],
        mixes=list(_mixes(one, other)),
        width=_WIDTH,
        height=_HEIGHT,
    )
    return printable(text), differences


def _name(dataset: PublishedDataset) -> str:
    return f"{dataset.recipe.get('name', dataset.folder.name)} {dataset.version}"


def effect_tables(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> list[EffectTable]:
    """Match the effects of two datasets, a table per quantity, in the order in which they were recorded."""
    several = len({row["teacher"] for row in (*first, *second)}) > 1

    def name(row: dict[str, Any]) -> str:
        minus = f" - {row['against']}" if row["against"] else ""
        return f"{row['privilege']}{minus}{', ' + row['teacher'] if several else ''}"

    mine, theirs = ({(row["of"], name(row)): row for row in rows} for rows in (first, second))
    tables: dict[str, list[EffectRow]] = {}
    for key in dict.fromkeys([*mine, *theirs]):
        row = EffectRow(key[1], RecordedEstimate.of(mine.get(key)), RecordedEstimate.of(theirs.get(key)))
        tables.setdefault(key[0], []).append(row)
    return [EffectTable(_heading(of), rows) for of, rows in tables.items()]


def _heading(of: str) -> str:
    quantity, separator, lexicon = of.partition(" (")
    return f"{_HEADINGS.get(quantity, quantity)}{separator}{lexicon}"


def _privileges(one: PublishedDataset, other: PublishedDataset) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Return what each dataset recorded of its privileges, side by side; empty where one lacks a privilege."""
    mine, theirs = (each.statistics.get("privileges", {}) for each in (one, other))
    return [(name, mine.get(name, {}), theirs.get(name, {})) for name in dict.fromkeys([*mine, *theirs])]


def _mixes(one: PublishedDataset, other: PublishedDataset) -> Iterator[tuple[str, list[MixValue]]]:
    """Yield each axis of the mixes with its values in both datasets."""
    for axis in dict.fromkeys([*one.mix, *other.mix]):
        mine, theirs = one.mix.get(axis, {}), other.mix.get(axis, {})
        sizes = sum(mine.values()) or 1, sum(theirs.values()) or 1
        values = [
            MixValue(name, a, b, 100 * a / sizes[0], 100 * b / sizes[1])
            for name in dict.fromkeys([*mine, *theirs])
            for a, b in [(mine.get(name, 0), theirs.get(name, 0))]
        ]
        yield axis, values
