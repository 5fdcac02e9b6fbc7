"""Answers that must be the gold answer's words: case, spacing and surrounding punctuation do not count."""

from __future__ import annotations

import re

from infogap.verify.answers import unwrapped
from infogap.verify.grade import Grade, Item, right_or_wrong, ungradable
from infogap.verify.reading.characters import half_width, visible

_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|operatorname)\s*\{([^{}]*)\}")
_QUOTES = (("'", "'"), ('"', '"'), ("“", "”"), ("‘", "’"), ("*", "*"), ("`", "`"))


def grade(item: Item) -> Grade:
    """Correct where the normalised answer is the normalised gold answer."""
    if item.gold is None:
        return ungradable("the task has no gold answer", item.answer)
    return right_or_wrong(normalised(item.answer) == normalised(item.gold), item)


def normalised(text: str) -> str:
    r"""Text for comparison: `$`, `\text{...}`, quotes around it and the punctuation that ends it taken off.

    Full-width characters are ordinary ones, words have one space between them, case is folded. Signs that may
    be part of an answer stay: 5 is not -5, .5, 5! or 5'.
    """
    text = _unquoted(_TEXT_COMMAND.sub(r"\1", unwrapped(visible(half_width(text)))))
    return " ".join(text.split()).casefold()


def _unquoted(text: str) -> str:
    for _ in range(4):  # quotes within quotes
        before = text
        text = unwrapped(text).removesuffix(":").removesuffix(";")
        for opening, closing in _QUOTES:
            inner = text[1:-1]
            if len(text) > 2 and text[0] == opening and text[-1] == closing and not {opening, closing} & set(inner):
                text = inner
        if text == before:
            break
    return text
