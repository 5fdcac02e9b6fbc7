"""The text of a trace that is measured, and how many words it has."""

from __future__ import annotations

import re

from infogap.measure.scripts import IDEOGRAPH, has_ideograph

_WORD = re.compile(rf"[{IDEOGRAPH}]|[^\s{IDEOGRAPH}\u3000-\u303f\uff00-\uffef]+")


def measured_text(reasoning: str | None, response: str | None) -> str:
    r"""What is measured of a trace: its reasoning and its response with a line break between; spans count in this."""
    return f"{reasoning}\n{response or ''}" if reasoning else response or ""


def lower_in_place(text: str) -> str:
    """Lower case without moving any place: the one letter whose lower case is two characters stays as it is."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def word_count(text: str) -> int:
    """Words between white space; of Chinese and Japanese, which have none, every character counts as a word."""
    if not text.isascii() and has_ideograph(text):
        return len(_WORD.findall(text))
    return len(text.split())
