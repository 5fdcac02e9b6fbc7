"""Scan a trace of several turns: no leak spans two turns, and what its tools returned is no context.

What stands in a result is known to the student, so that repeating it gives nothing away: results count as part of the
question for all that follows them. The arguments of calls are not scanned; they are code rather than prose.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from infogap.leaks.copying import NOTHING_COPIED, Copied
from infogap.leaks.scanned_trace import Leak, ScannedTrace, TurnText
from infogap.text.spoken_turns import Message, spoken_turns, tool_results


def turn_texts(turns: Sequence[Message], question: str) -> tuple[TurnText, ...]:
    """Return where each turn of the assistant stands in the trace's text, with what the student has seen before it."""
    texts = []
    for place in spoken_turns(turns):
        results = tool_results(turns[: place.turn])
        texts.append(TurnText(place.start, place.end, _together(question, results), not results))
    return tuple(texts)


def seen_in_turns(turns: Sequence[Message], question: str) -> str:
    """Return all that the student sees of a trace besides the assistant's turns."""
    return _together(question, tool_results(turns))


def _together(*texts: str) -> str:
    return "\n\n".join(text for text in texts if text)


def in_turns(trace: ScannedTrace, turns: Sequence[Message] | None) -> ScannedTrace:
    """Return a trace with its turns; as it is without any, or without a text."""
    if turns is None or not trace.text:
        return trace
    return replace(trace, question=seen_in_turns(turns, trace.question), turns=turn_texts(turns, trace.question))


def each_turn(trace: ScannedTrace) -> list[ScannedTrace]:
    """Return a trace for each turn, with what the student has seen before it as the question."""
    if trace.turns is None:
        return [trace]
    return [
        replace(trace, text=trace.text[turn.start : turn.end], question=turn.seen, turns=None) for turn in trace.turns
    ]


def opening_turn(trace: ScannedTrace) -> ScannedTrace | None:
    """Return the turn that answers the question alone, before any result; None if no turn does."""
    if trace.turns is None:
        return trace
    first = next(iter(trace.turns), None)
    if first is None or not first.before_results:
        return None
    return replace(trace, text=trace.text[: first.end], question=first.seen, turns=None)


def within_turns(trace: ScannedTrace, leaks: Sequence[Leak]) -> list[Leak]:
    """Leave out the leaks that span two turns."""
    if trace.turns is None:
        return list(leaks)
    return [leak for leak in leaks if any(t.start <= leak["start"] and leak["end"] <= t.end for t in trace.turns)]


def copied_in_turns(trace: ScannedTrace, copied: Iterator[Copied]) -> Copied:
    """Put together what the turns of a trace copy; takes one of `copied` for each of `each_turn`."""
    if trace.turns is None:
        return next(copied)
    found = [next(copied) for _ in trace.turns]
    if not found:
        return NOTHING_COPIED
    grams = sum(each.grams for each in found)
    longest = [each.longest for each in found if each.longest is not None]
    leaks = [
        Leak(**(leak | {"start": leak["start"] + turn.start, "end": leak["end"] + turn.start}))
        for turn, each in zip(trace.turns, found, strict=True)
        for leak in each.leaks
    ]
    share = sum(each.hits for each in found) / grams if grams else None
    return Copied(share, max(longest, default=None), leaks, sum(each.hits for each in found), grams)
