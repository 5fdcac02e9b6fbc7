"""Responses graded by a user's own function, named `module:function` in the recipe."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import Any

import orjson

from infogap.text.stated_answers import MAX_ANSWER
from infogap.verify.custom_verifier import load
from infogap.verify.grading_types import Grade, Item, ungradable

TASK_KEYS = ("task_id", "source", "family", "difficulty", "question", "answer", "metadata")
_ONE = 1 - 1e-9  # a sum of ten tenths is right


def grade(item: Item) -> Grade:
    """The verdict that `function(response, answer, task)` gives. Runs in a worker that finds the recipe's modules.

    `response` is the whole response without its thought, `answer` the gold answer, `task` a dict of TASK_KEYS. It
    returns True or False, or a score from 0 to 1, of which 1 is correct; None where the response has no answer; or a
    pair of any of these and the answer that it found. Anything else is `ungradable`, as is what it raises.
    """
    task = {key: (item.task or {}).get(key) for key in TASK_KEYS}
    task["metadata"] = orjson.loads(item.metadata or "{}")
    with redirect_stdout(sys.stderr):  # what it prints is no part of infogap's output
        returned = load(item.verifier)(item.answer if item.response is None else item.response, item.gold, task)
    value, answer = returned if isinstance(returned, tuple) and len(returned) == 2 else (returned, item.answer or None)
    if answer is not None and not isinstance(answer, str):
        return ungradable(f"the grader's answer is no text but {_shown(answer)}", item.answer)
    answer = answer[:MAX_ANSWER] if answer else None
    if value is None:
        return Grade("no_answer", answer)
    score = _score(value)
    if score is None:
        return ungradable(f"the grader returned {_shown(value)}, not True, False or a score from 0 to 1", answer)
    return Grade("correct" if score == 1 else "wrong", answer, score)


def _score(value: Any) -> float | None:
    """A score; None for what is none. NumPy's and torch's numbers are numbers too."""
    if not isinstance(value, bool | int | float) and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, bool | int | float) or not 0 <= value <= 2 - _ONE:  # not so NaN
        return None
    return 1.0 if value >= _ONE else float(value)


def _shown(value: Any) -> str:
    return f"{value!r:.60} ({type(value).__name__})"
