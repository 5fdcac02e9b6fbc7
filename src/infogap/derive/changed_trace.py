"""The text of a trace that is derived from, and the draws that decide which parts of it change."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from infogap.ids import derived_seed
from infogap.text.reasoning_steps import Pieces, steps


class NothingToChangeError(Exception):
    """A trace has nothing that the change applies to; the message says what it lacks, and is counted."""


@dataclass(frozen=True)
class TraceText:
    """A trace's thought and response, with the question and the final answer that the response states."""

    trace_id: str
    question: str
    reasoning: str
    response: str
    answer: str | None = None

    def thought(self) -> Pieces:
        """Return the steps of the thought; without one, those of the response but the last, which holds the answer.

        Raises NothingToChangeError if there are none.
        """
        found = steps(self.reasoning) if self.reasoning.strip() else self._before_answer()[0]
        if not found.bodies:
            raise NothingToChangeError("it has one step")
        return found

    def with_thought(self, changed: Pieces) -> TraceText:
        """Return the trace with these steps in place of those of `thought`."""
        if self.reasoning.strip():
            return replace(self, reasoning=changed.text())
        return replace(self, response=changed.text() + self._before_answer()[1])

    def _before_answer(self) -> tuple[Pieces, str]:
        """Cut the response before its last step."""
        found = steps(self.response)
        before = Pieces(found.bodies[:-1], found.between[:-1] if found.bodies else ("",))
        return before, "".join([*found.bodies[-1:], *found.between[-1:]]) if found.bodies else ""


@dataclass(frozen=True)
class Draws:
    """Draws that depend on the recipe's seed, the trace and the kind of change; not on its share.

    What a smaller share changes, a larger one changes too.
    """

    seed: int

    def of(self, trace: TraceText, change: str) -> np.random.Generator:
        return np.random.default_rng(derived_seed(self.seed, "derive", change, trace.trace_id))


def chosen(random: np.random.Generator, count: int, share: float, least: int = 1) -> list[int]:
    """Draw this share of `count` places, at least `least` of them; in the order in which they were drawn."""
    size = min(count, max(least, int(share * count + 0.5)))
    return [int(place) for place in random.permutation(count)[:size]]
