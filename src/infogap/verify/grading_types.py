"""What is graded, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["correct", "wrong", "no_answer", "truncated", "ungradable"]


@dataclass(frozen=True)
class Item:
    """An answer to grade against its task.

    `stated`: the response says that this is its answer; otherwise it is the response's last line, in which a grader
    may find an answer or none. A user's own function is given more: the whole `response`, and the task's row; there
    `answer` is empty where none is stated.
    """

    verifier: str
    question: str
    gold: str | None
    metadata: str | None  # the task's, JSON
    answer: str
    stated: bool = True
    response: str | None = None
    task: dict[str, Any] | None = None


@dataclass(frozen=True)
class Grade:
    """A verdict; `score` is 0..1, and None where the trace could not be graded."""

    verdict: Verdict
    answer: str | None = None
    score: float | None = 0.0
    detail: str | None = None


def right_or_wrong(right: bool, item: Item, detail: str | None = None) -> Grade:
    """The verdict on an item's answer; says so where the answer was not stated as one."""
    if not item.stated:
        detail = "no answer is stated; the last line was read" + (f"; {detail}" if detail else "")
    return Grade("correct" if right else "wrong", item.answer, float(right), detail)


def no_answer() -> Grade:
    return Grade("no_answer")


def ungradable(reason: str, answer: str | None = None) -> Grade:
    """A trace about which the verifier says nothing, and why."""
    return Grade("ungradable", answer or None, None, reason)
