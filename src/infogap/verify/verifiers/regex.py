"""Answers that must match the gold answer, a regular expression, from beginning to end."""

from __future__ import annotations

import re

from infogap.verify.grading_types import Grade, Item, right_or_wrong, ungradable


def grade(item: Item) -> Grade:
    """Correct where the whole answer matches. Runs in a worker: some patterns take forever on some texts."""
    if item.gold is None:
        return ungradable("the task has no gold answer", item.answer)
    try:
        pattern = re.compile(item.gold)
    except (re.error, RecursionError, OverflowError) as error:
        return ungradable(f"the gold answer is not a regular expression: {error}", item.answer)
    return right_or_wrong(pattern.fullmatch(item.answer.strip()) is not None, item)
