"""Answers that must be the gold answer's words: case, spacing and surrounding punctuation do not count."""

from __future__ import annotations

from infogap.text.stated_answers import normalised, without_reason
from infogap.verify.grading_types import Grade, Item, right_or_wrong, ungradable


def grade(item: Item) -> Grade:
    """Correct where the normalised answer is the normalised gold answer."""
    if item.gold is None:
        return ungradable("the task has no gold answer", item.answer)
    said = {normalised(item.answer), normalised(without_reason(item.answer))}
    return right_or_wrong(normalised(item.gold) in said, item)
