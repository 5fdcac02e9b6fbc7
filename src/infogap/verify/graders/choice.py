"""Answers to multiple-choice questions: an option's letter, or its text."""

from __future__ import annotations

import re

from infogap.verify.choices import options
from infogap.verify.grade import Grade, Item, no_answer, right_or_wrong, ungradable
from infogap.verify.graders.exact import normalised

# "B", "(B)", "B.", "B: 0.58 m/s", "option B", "\text{(B)} 0.58 m/s"
_LETTER = re.compile(
    r"(?:(?:option|choice|answer)\s+)?(?:\\(?:text|textbf|mathrm|mathbf|textrm)\s*\{\s*)?[*(\[]*([A-Z])"
    r"(?=$|[\s).:,\]}*])[)\]*}.:,]*(?:\s+(?P<rest>\S.*))?",
    re.DOTALL | re.IGNORECASE,
)


def grade(item: Item) -> Grade:
    """Correct where the answer names the gold option; the gold answer is a letter or an option's text."""
    if item.gold is None:
        return ungradable("the task has no gold answer", item.answer)
    offered = options(item.question)
    gold = _option(item.gold, offered)
    if gold is None:
        return ungradable(f"the gold answer {item.gold[:40]!r} is none of the question's options", item.answer)
    chosen = _option(item.answer, offered)
    if chosen is None and not item.stated:
        return no_answer()
    return right_or_wrong(chosen == gold, item, None if chosen else "the answer names none of the options")


def _option(answer: str, offered: dict[str, str]) -> str | None:
    """The letter of the option that an answer names; without options in the question, any letter will do."""
    texts = {letter: normalised(text) for letter, text in offered.items()}
    named = [letter for letter, text in texts.items() if text == normalised(answer)]
    if len(named) == 1:
        return named[0]
    match = _LETTER.fullmatch(answer.strip())
    if not match:
        return None
    letter = match.group(1).upper()
    if not offered:
        return letter
    # "A ball" begins with a letter and names no option, unless what follows is that option's text.
    rest = match.group("rest")
    explicit = rest is None or answer.strip()[match.end(1) : match.end(1) + 1] in (")", ".", ":", ",", "]", "}", "*")
    return letter if letter in offered and (explicit or normalised(rest) == texts[letter]) else None
