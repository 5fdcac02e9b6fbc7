"""The control `irrelevant`: text that says nothing about any task, to measure the effect of more text alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from infogap.ids import derived_seed
from infogap.privileges.base import Attempt, Privilege, Task

if TYPE_CHECKING:
    from infogap.privileges.decoys import Decoys


class Irrelevant(Privilege):
    """Text of the solution's length that says nothing about the task."""

    name = "irrelevant"
    richness = 8
    needs = ("solution",)
    shows = "other text as long as the solution"
    imitates = "solution"
    contrasts = (
        ("solution", "same length; the other text says nothing of any task"),
        ("masked_solution", "near in length; the plan without its results, or nothing"),
        ("hint", "a hint is shorter than the text: length differs too"),
    )
    holds_answer = False
    unrelated = True

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {"solution": irrelevant(len(task["solution"]), task["task_id"])}


def irrelevant(length: int, *key: object) -> str:
    """Return whole sentences of about `length` characters in all, at least one.

    They are consecutive, from a place in the text that `key` decides; the last one is chosen to fit best. No sentence
    has a number, a formula or a word of reasoning.
    """
    sentences = _sentences()
    longest = max(map(len, sentences))
    place = derived_seed("irrelevant", *key) % len(sentences)
    chosen: list[str] = []
    left = length
    while left > longest + 1:
        chosen.append(sentences[place])
        left -= len(sentences[place]) + 1
        place = (place + 1) % len(sentences)
    last = min(sentences[place:] + sentences[:place], key=lambda sentence: abs(len(sentence) - left))
    if not chosen or abs(len(last) - left) < abs(left + 1):
        chosen.append(last)
    return " ".join(chosen)


@cache
def _sentences() -> list[str]:
    text = (resources.files("infogap.privileges") / "irrelevant.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


IRRELEVANT = Irrelevant()
