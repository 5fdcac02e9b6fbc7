"""Answers that must be the gold answer's words: case, spacing and surrounding punctuation do not count."""

from __future__ import annotations

import re
import unicodedata

from infogap.verify.answers import unwrapped
from infogap.verify.grade import Grade, Item, right_or_wrong, ungradable

_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textrm|textit|mathrm|mathbf|operatorname)\s*\{([^{}]*)\}")
_SURROUNDING = " \t\n.,;:!?'\"`*$“”‘’。，；：！？"  # no signs: -5 is not 5


def grade(item: Item) -> Grade:
    """Correct where the normalised answer is the normalised gold answer."""
    if item.gold is None:
        return ungradable("the task has no gold answer", item.answer)
    return right_or_wrong(normalised(item.answer) == normalised(item.gold), item)


def normalised(text: str) -> str:
    r"""Text for comparison: NFKC, `$` and `\text{...}` taken off, one space between words, case folded."""
    text = _TEXT_COMMAND.sub(r"\1", unwrapped(unicodedata.normalize("NFKC", text)))
    return " ".join(text.strip(_SURROUNDING).split()).casefold()
