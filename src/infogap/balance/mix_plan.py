"""Plan the mixes of a recipe without writing anything: target, achieved, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infogap.runs.run_folder import Run


@dataclass(frozen=True)
class MixPlan:
    """One mix as it would be made: its figures, as in the manifest, its notes, and what it lacks."""

    name: str
    figures: dict[str, Any]
    notes: list[str]
    shortfall: str | None
    """Why it misses its targets; None if it meets them."""

    lacks: list[str]
    """The traces that would complete it, stratum by stratum."""

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON-able values."""
        return {**self.figures, "notes": self.notes, "shortfall": self.shortfall, "lacks": self.lacks}


def plan_mixes(run: Run) -> list[MixPlan]:
    """Decide on every mix of a run's recipe, from the tables as they are.

    If targets cannot be met, the figures are those of the mix that `when_short` would make; with `error`, of the
    largest mix with no value above its target.

    Raises InputError if a share names a column or a value that no trace has, ShortfallError if there are too few tasks
    for a coverage.
    """
    from infogap.balance.choose_mixes import mix_figures, mix_of
    from infogap.balance.decide import decide_all
    from infogap.balance.missing_traces import lacks_of
    from infogap.balance.mix_pool import check_columns
    from infogap.balance.unreachable import why_unreachable

    check_columns(run)
    plans = []
    for made in decide_all(run, raise_if_short=False):
        strata = made.strata
        lacks = [str(lack) for lack in lacks_of(made)]
        unreachable = why_unreachable(strata, made.target_size) if made.shortfall is not None else None
        figures = mix_figures(made, mix_of(made))
        notes = [*strata.notes, *made.notes, *([f"cannot be met: {unreachable}"] if unreachable else [])]
        plans.append(MixPlan(strata.name, figures, notes, made.shortfall, lacks))
    return plans
