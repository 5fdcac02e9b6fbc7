"""Read a letter as the option of a question that it names, where gold answer and answer may name it in two ways."""

from __future__ import annotations

import re

from infogap.text.option_parser import named_option, options

_BEGINS_WITH_LETTER = re.compile(
    r"[\s$*({\[]*(?:\\(?:text|textbf|mathrm|mathbf|textrm|bf)\s*\{?[\s({\[]*)?[A-Z](?![A-Za-z'′])", re.IGNORECASE
)
_LETTER_ALONE = re.compile(
    r"[\s$*({\[]*(?:\\(?:text|textbf|mathrm|mathbf|textrm|bf)\s*\{?[\s({\[]*)?([A-Z])[\s$*)}\].:]*", re.IGNORECASE
)


def as_option_values(gold: str, answer: str, question: str) -> tuple[str, str] | None:
    """Return gold answer and answer with an option's text for its letter; None where neither is a letter.

    Of two letters, and of a question without options, nothing is known beyond the letters themselves.
    """
    if not (_BEGINS_WITH_LETTER.match(gold) or _BEGINS_WITH_LETTER.match(answer)):
        return None
    offered = options(question)
    if not offered:
        return None
    letters = [named_option(text, offered) for text in (gold, answer)]
    if _LETTER_ALONE.fullmatch(gold) and _LETTER_ALONE.fullmatch(answer):
        return None  # A and a may be names
    if letters[0] and letters[1]:
        return (gold, gold) if letters[0] == letters[1] else None
    texts = [_text(text, offered) for text in (gold, answer)]
    return (texts[0], texts[1]) if texts != [gold, answer] and all(texts) else None


def _text(text: str, offered: dict[str, str]) -> str:
    letter = _LETTER_ALONE.fullmatch(text)
    return offered.get(letter[1].upper(), text) if letter else text
