"""Changes of what a trace says: other digits, another final answer, nothing after the answer was found."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np

from infogap.derive.changed_trace import NothingToChangeError, TraceText, chosen
from infogap.privileges.wrong_answers import same_answer, variants
from infogap.text.reasoning_steps import Pieces
from infogap.text.stated_answers import every_stated

_DIGIT = re.compile(r"[0-9]")
_MOST_VARIANTS = 6


def corrupt_digits(trace: TraceText, random: np.random.Generator, share: float) -> TraceText:
    """Replace a share of the thought's digits, at least one, by other digits (arXiv 2502.07374).

    The response keeps its digits, and so its answer.
    """
    thought = trace.thought()
    text = thought.text()
    places = [match.start() for match in _DIGIT.finditer(text)]
    if not places:
        raise NothingToChangeError("it has no digit in its thought")
    order = chosen(random, len(places), share)
    moves = random.integers(1, 10, size=len(places))  # one per digit, so that a larger share changes these alike
    characters = list(text)
    for number in order:
        place = places[number]
        characters[place] = str((int(characters[place]) + int(moves[number])) % 10)
    return trace.with_thought(Pieces(("".join(characters),), ("", "")))


def wrong_answer(trace: TraceText, random: np.random.Generator) -> TraceText:
    """Replace the final answer by a wrong one of its form, in the response and in the thought's last step.

    It is a number moved a little, another option, a word's counterpart; the verifier then grades the trace.
    """
    answer = (trace.answer or "").strip()
    if not answer:
        raise NothingToChangeError("it states no answer")
    draw = int(random.integers(2**31))
    others = [
        other
        for other in islice(variants(answer, trace.question, draw), _MOST_VARIANTS)
        if not same_answer(other, answer)
    ]
    for other in others:
        response = _restated(trace.response, answer, other)
        if response is None:
            raise NothingToChangeError("its answer does not stand in the response as it is read")
        reasoning = trace.reasoning
        if reasoning.strip():
            thought = trace.thought()
            last = thought.bodies[-1]
            if every_stated(last):
                reasoning = thought.replaced(
                    {len(thought.bodies) - 1: _restated(last, answer, other, everywhere=True) or last}
                ).text()
        return replace(trace, reasoning=reasoning, response=response)
    raise NothingToChangeError("no wrong answer of the same form is known")


def _restated(text: str, answer: str, other: str, *, everywhere: bool = False) -> str | None:
    """Replace the answer, as a whole word, from the first box on or at its last place; None if it does not occur."""
    whole = re.compile(rf"(?<![\w.]){re.escape(answer)}(?![\w]|\.\d)")
    found = list(whole.finditer(text))
    if not found:
        return None
    boxed = text.find("\\boxed")
    start = 0 if everywhere else min(found[-1].start(), boxed if boxed >= 0 else len(text))
    return text[:start] + whole.sub(lambda _match: other, text[start:])


def cut_after_answer(trace: TraceText, same: Callable[[str, str], bool] = same_answer) -> TraceText:
    """Remove the steps of the thought after the first that states the final answer.

    After arXiv 2605.29288: what follows the conclusion in right traces harms the students trained on them. There an
    editor model finds the place; here it is the first statement of the answer that the response gives.
    """
    answer = (trace.answer or "").strip()
    if not answer:
        raise NothingToChangeError("it states no answer")
    thought = trace.thought()
    for place, body in enumerate(thought.bodies):
        if any(same(stated, answer) for stated in every_stated(body)):
            if place == len(thought.bodies) - 1:
                break
            return trace.with_thought(thought.without(set(range(place + 1, len(thought.bodies)))))
    else:
        raise NothingToChangeError("its thought does not state the answer")
    raise NothingToChangeError("nothing follows the answer in its thought")
