"""The text of a trace that is measured, and its number of words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from infogap.text.characters import IDEOGRAPH

_IDEOGRAPH = re.compile(f"[{IDEOGRAPH}]")
_PUNCTUATION = re.compile("[\u3000-\u303f\uff00-\uffef]")  # of Chinese and Japanese, and full-width letters


def measured_text(reasoning: str | None, response: str | None) -> str:
    r"""Join a trace's reasoning and response by a line break; spans in measures are offsets into this text."""
    return f"{reasoning}\n{response or ''}" if reasoning else response or ""


def lower_in_place(text: str) -> str:
    """Lower a text and keep all offsets: the one letter whose lower case is two characters stays as it is."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def word_count(text: str) -> int:
    """Count words between white space; in Chinese and Japanese, which have none, every character is a word."""
    if not text.isascii():
        text, ideographs = _IDEOGRAPH.subn(" ", text)
        if ideographs:
            return ideographs + len(_PUNCTUATION.sub(" ", text).split())
    return len(text.split())


def word_counts(texts: Sequence[str]) -> list[int]:
    """Count the words of each text; all ASCII texts are counted at once."""
    counts = [0 if text.isascii() else word_count(text) for text in texts]
    ascii_only = [place for place, text in enumerate(texts) if text and text.isascii()]
    row = "\n".join(["", *(texts[place] for place in ascii_only)]).encode()
    letters = np.frombuffer(row, np.uint8)
    space = (letters == 32) | (letters - np.uint8(9) < 5) | (letters - np.uint8(28) < 4)  # as str.isspace has it
    begins = np.flatnonzero(space[:-1] & ~space[1:])  # the byte before each word
    ends = np.cumsum([len(texts[place]) + 1 for place in ascii_only])
    before = np.searchsorted(begins, ends)
    for place, words in zip(ascii_only, np.diff(before, prepend=0).tolist(), strict=True):
        counts[place] = words
    return counts
