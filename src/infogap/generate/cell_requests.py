"""What is still to be asked of one task under one privilege, given what earlier rounds made.

A cell is one task under one privilege. Its next requests follow from the traces and verdicts of the rounds
before, and from nothing else: the order in which answers arrive does not matter, nor that a run was resumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from infogap.recipe.generate_section import PrivilegeUse, Until


@dataclass(frozen=True)
class Made:
    """A trace of an earlier round."""

    trace_id: str
    context_id: str | None
    sample: int
    round: int
    verdict: str
    part: int  # the part of the traces table that holds its text


@dataclass(frozen=True)
class Ask:
    """One request: the cell's `sample`, its `turn` in a chain of attempts, and the attempts that it is shown."""

    sample: int
    turn: int = 0
    shown: tuple[Made, ...] = ()


def due(
    use: PrivilegeUse, samples: int, until: Until | None, made: Sequence[Made], attempts: Sequence[Made] = ()
) -> list[Ask]:
    """The cell's next requests; none where it is complete.

    `samples` and `until` are the recipe's; `made` are the cell's own traces, `attempts` those of the privilege whose
    attempts it shows, complete. Where `until` is set, nothing is asked once enough traces are correct, and no cell
    has more than `max_attempts`, whatever the turns.
    """
    if until and satisfied(until, made):
        return []
    shown = _Attempts(use, attempts)
    chains = _chains(made)
    going_on = [
        Ask(sample, len(chain), (*shown.for_sample(sample), *chain))
        for sample, chain in chains.items()
        if len(chain) < use.turns and chain[-1].verdict == "wrong"
    ]
    asks = going_on or [Ask(sample, 0, shown.for_sample(sample)) for sample in _new_samples(samples, until, made)]
    return asks[: max(until.max_attempts - len(made), 0)] if until else asks


def satisfied(until: Until, made: Sequence[Made]) -> bool:
    """Whether a cell has as many correct traces as the recipe asks for."""
    return sum(trace.verdict == "correct" for trace in made) >= until.correct


def _new_samples(batch: int, until: Until | None, made: Sequence[Made]) -> range:
    """The samples to begin: the first batch, then batch by batch until enough are correct."""
    begun = 1 + max((trace.sample for trace in made), default=-1)
    if begun < batch:
        return range(begun, batch)
    return range(begun, begun + batch) if until else range(0)


def _chains(made: Sequence[Made]) -> dict[int, list[Made]]:
    """The traces of each sample, one after the other: each but the first was asked because its forerunner was wrong."""
    in_order = sorted(made, key=lambda trace: (trace.sample, trace.round))
    return {sample: list(chain) for sample, chain in groupby(in_order, key=lambda trace: trace.sample)}


class _Attempts:
    """The attempts that a privilege may show, dealt out to its samples."""

    def __init__(self, use: PrivilegeUse, attempts: Sequence[Made]) -> None:
        in_order = sorted(attempts, key=lambda trace: (trace.sample, trace.round))
        self._use = use
        self._right = [trace for trace in in_order if trace.verdict == "correct"]
        self._wrong = [trace for trace in in_order if trace.verdict == "wrong"]

    def for_sample(self, sample: int) -> tuple[Made, ...]:
        """A usable attempt, another one for every sample as long as there are any; none where there is none."""
        if self._use.attempts is None:
            return ()
        main = self._right if self._use.attempts == "right" else self._wrong
        if not main:
            return ()
        beside = self._wrong if self._use.name == "peers" else []
        return tuple(dealt[sample % len(dealt)] for dealt in (main, beside) if dealt)
