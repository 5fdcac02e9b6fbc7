"""Changes of a trace's structure: its steps in another order, fewer steps, steps of other traces (arXiv 2502.07374)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infogap.derive.changed_trace import NothingToChangeError, TraceText, chosen
from infogap.text.reasoning_steps import Pieces


def shuffle_steps(trace: TraceText, random: np.random.Generator, share: float) -> TraceText:
    """Move a share of the steps, at least two of them, to each other's places. All steps are still there."""
    thought = trace.thought()
    if len(set(thought.bodies)) < 2:
        raise NothingToChangeError("it has one step")
    places = chosen(random, len(thought.bodies), share, least=2)
    if len({thought.bodies[place] for place in places}) < 2:  # the drawn steps are the same: take another one
        places.append(next(place for place, body in enumerate(thought.bodies) if body != thought.bodies[places[0]]))
    bodies = [thought.bodies[place] for place in places]
    moved = bodies
    while moved == bodies:
        moved = [bodies[place] for place in random.permutation(len(bodies))]
    return trace.with_thought(thought.replaced(dict(zip(places, moved, strict=True))))


def delete_steps(trace: TraceText, random: np.random.Generator, share: float) -> TraceText:
    """Remove a share of the steps, at least one. At share 1 only the response is left, or its last step."""
    thought = trace.thought()
    return trace.with_thought(thought.without(set(chosen(random, len(thought.bodies), share))))


def insert_steps(trace: TraceText, random: np.random.Generator, share: float, others: Sequence[str]) -> TraceText:
    """Insert steps of other tasks' traces, as many as a share of the trace's own, at least one, each at any place."""
    thought = trace.thought()
    own = set(thought.bodies)
    usable = [step for step in others if step not in own]
    if not usable:
        raise NothingToChangeError("there is no trace of another task to take steps from")
    count = max(1, int(share * len(thought.bodies) + 0.5))
    order = random.permutation(len(usable))
    between = next((joint for joint in thought.between[1:-1] if joint.strip(" ") or joint), "\n\n")
    bodies, joints = list(thought.bodies), list(thought.between)
    for number in range(count):
        place = int(random.integers(0, len(bodies) + 1))
        bodies.insert(place, usable[int(order[number % len(order)])])
        if place == len(bodies) - 1:
            joints.insert(-1, between)
        else:
            joints.insert(place + 1, between)
    return trace.with_thought(Pieces(tuple(bodies), tuple(joints)))
