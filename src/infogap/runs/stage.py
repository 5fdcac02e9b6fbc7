"""The interface of a stage: its name, inputs, settings, and the function that writes its tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infogap.recipe import Recipe
from infogap.runs.run_folder import Run

_REASONS_SHOWN = 3


@dataclass(frozen=True)
class Outcome:
    """The result of a stage."""

    rows: int
    counts: dict[str, Any] = field(default_factory=dict)  # for the manifest
    notes: list[str] = field(default_factory=list)  # for the user: what was skipped, why, where to look
    shortfall: str | None = None  # done, but short of the recipe's target: exit code 4


@dataclass(frozen=True)
class Stage:
    """One step from tables to a table.

    `folders[0]` holds the manifest. `part` returns what the result depends on besides the inputs: the stage's keys of
    the recipe and digests of the files it reads, as JSON-able values.
    """

    name: str
    folders: tuple[str, ...]
    inputs: tuple[str, ...]
    version: int  # raised when the same input gives a different result
    part: Callable[[Run], dict[str, Any]]
    make: Callable[[Run], Outcome]
    # Why a recipe does not have this stage, and what to add to it; empty if it does.
    absent: Callable[[Recipe], str] = lambda _recipe: ""
    # Further inputs, by the recipe: a table that the settings do not need makes nothing stale.
    inputs_by: Callable[[Recipe], tuple[str, ...]] = lambda _recipe: ()
    # For a stage that resumes and is incomplete: its rows so far, and a sentence on its progress.
    begun: Callable[[Run], tuple[int, str] | None] = lambda _run: None
    # Called before the first stage of a command runs: raises InputError or ExternalError if this one could not run.
    ready: Callable[[Run], None] = lambda _run: None
    # Called before the stage runs, or if its result was short: True if it asked an earlier stage for more, so that the
    # stages must be brought up to date again, from the first one.
    asks_for_more: Callable[[Run], bool] = lambda _run: False
    # Whether it reads derived traces with the others; those before the stage `derive` do not.
    sees_derived: bool = True


@dataclass(frozen=True)
class ReasonCounts:
    """Counts reasons by their kind: the numbers in a reason differ from trace to trace."""

    counts: Counter[str] = field(default_factory=Counter)
    _texts: dict[str, str] = field(default_factory=dict)  # of each kind; with its numbers if they are always the same

    def add(self, reason: str) -> None:
        """Count one more trace with a reason."""
        kind = re.sub(r"\d[\d,.]*", "N", reason)[:80]
        self.counts[kind] += 1
        if self._texts.setdefault(kind, reason[:80]) != reason[:80]:
            self._texts[kind] = kind

    @property
    def total(self) -> int:
        """The number of traces."""
        return self.counts.total()

    @property
    def commonest(self) -> str:
        """The most common reasons, with their counts, for a note."""
        return commonest_reasons(Counter({self._texts[kind]: count for kind, count in self.counts.items()}))


def commonest_reasons(reasons: Counter[str]) -> str:
    """List the most common reasons, with their counts, for a note."""
    return "; ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(_REASONS_SHOWN))
