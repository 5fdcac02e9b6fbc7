"""Answers to multiple-choice questions: an option's letter, or its text."""

from __future__ import annotations

import re

from infogap.text.option_parser import named_option, options
from infogap.verify.grading_types import Grade, Item, no_answer, right_or_wrong, ungradable

_CONCLUDING = re.compile(r"(?:so|thus|hence|therefore)\b[,:]?\s+", re.IGNORECASE)


def grade(item: Item) -> Grade:
    """Correct where the answer names the gold option; the gold answer is a letter or an option's text."""
    if item.gold is None:
        return ungradable("the task has no gold answer", item.answer)
    offered = options(item.question)
    gold = named_option(item.gold, offered)
    if gold is None:
        return ungradable(f"the gold answer {item.gold[:40]!r} is none of the question's options", item.answer)
    chosen = named_option(item.answer, offered)
    if chosen is None and not item.stated and (concluding := _CONCLUDING.match(item.answer)):
        chosen = named_option(item.answer[concluding.end() :].rstrip("."), offered)
    if chosen is None and not item.stated:
        return no_answer()
    return right_or_wrong(chosen == gold, item, None if chosen else "the answer names none of the options")
