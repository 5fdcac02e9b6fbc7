"""The axes of the mix: the values of each, their shares, and the traces that these amount to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.errors import InputError, nearest
from infogap.recipe.mix_sections import Balance
from infogap.schema import BAND_NAMES, VERDICT_NAMES

Counts = NDArray[np.int64]

_ORDER = {"band": BAND_NAMES, "verdict": VERDICT_NAMES}  # families and privileges are in alphabetical order
_NO_VERDICT = "ungradable"  # no recipe can name it, so `uniform` does not spread over it either


@dataclass(frozen=True)
class Axis:
    """One axis that the recipe names, such as `band`: its values, and their shares, which add up to 1."""

    name: str
    values: tuple[str, ...]
    shares: tuple[float, ...]

    def targets(self, size: int, available: Counts) -> Counts:
        """Return the traces of each value in a mix of `size`: whole numbers that add up to `size`.

        By largest remainder (Hamilton's method). Among equal remainders the value with more traces available is
        rounded up, then the first one.
        """
        quotas = np.array(self.shares) / sum(self.shares) * size
        targets = np.floor(np.round(quotas, 9)).astype(np.int64)  # 0.1 * 30 is 3, not 2.9999999999999996
        remainders = np.round(quotas - targets, 9)
        order = np.lexsort((np.arange(len(targets)), -available, -remainders))
        targets[order[: size - targets.sum()]] += 1
        return targets

    def contains(self) -> pl.Expr:
        """True where a trace's value on this axis has a share."""
        return pl.col(self.name).is_in(self.values).fill_null(False)


def read_axes(balance: Balance, traces: pl.DataFrame) -> tuple[tuple[Axis, ...], list[str]]:
    """Read a recipe's axes, with notes on values that `uniform` leaves out.

    `traces` has a column per axis, and a `reason` for traces that no share could select. `uniform` gives equal shares
    to all values of traces that could be selected: a family without a correct trace has no share if the recipe asks for
    correct traces only, and a note says so.

    Raises InputError if a share names a family or a privilege that no trace of the run has.
    """
    stated = [
        Axis(name, *_stated(name, shares, traces)) for name, shares in balance.axes.items() if shares != "uniform"
    ]
    eligible = traces.filter(pl.col("reason").is_null())
    uniform = [name for name, shares in balance.axes.items() if shares == "uniform"]
    possible = eligible.filter(
        *(axis.contains() for axis in stated),
        *(pl.col(name).is_not_null() & (pl.col(name) != _NO_VERDICT) for name in uniform),
    )
    axes, notes = {axis.name: axis for axis in stated}, []
    for name in uniform:
        values = _in_order(name, possible[name].unique())
        axes[name] = Axis(name, values, (1 / len(values),) * len(values) if values else ())
        left_out = _in_order(name, set(eligible[name].drop_nulls()) - {*values, _NO_VERDICT})
        if left_out:
            notes.append(
                f"{name}: uniform is over {len(values)} values; none of the traces of {', '.join(left_out)} "
                "fits the other shares"
            )
    return tuple(axes[name] for name in balance.axes), notes


def _stated(name: str, shares: dict[str, float], traces: pl.DataFrame) -> tuple[tuple[str, ...], tuple[float, ...]]:
    if name not in _ORDER:
        known = _in_order(name, traces[name].drop_nulls().unique())
        for value in shares:
            if value not in known:
                raise InputError(
                    f"recipe, balance.{name}: no trace has the {name} '{value}'{nearest(value, known)}; "
                    f"there are: {', '.join(known)}"
                )
    values = _in_order(name, (value for value, share in shares.items() if share > 0))
    return values, tuple(shares[value] for value in values)


def _in_order(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """Sort values, independently of their order in the recipe or on disk."""
    ranks = _ORDER.get(name, ())
    return tuple(sorted(values, key=lambda value: (ranks.index(value) if value in ranks else len(ranks), value)))
