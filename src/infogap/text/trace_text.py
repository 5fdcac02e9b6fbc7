"""The text of a trace as it is measured, and its words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from infogap.text.characters import IDEOGRAPH

_IDEOGRAPH = re.compile(f"[{IDEOGRAPH}]")
_PUNCTUATION = re.compile("[\u3000-\u303f\uff00-\uffef]")  # of Chinese and Japanese, and full-width letters


def measured_text(reasoning: str | None, response: str | None) -> str:
    r"""Join reasoning and response with a line break. The spans of markers and leaks are positions in this text."""
    return f"{reasoning}\n{response or ''}" if reasoning else response or ""


def lower_in_place(text: str) -> str:
    """Lower-case a text with every position kept: the one letter whose lower case is two characters stays as it is."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def word_count(text: str) -> int:
    """Count words between white space. In Chinese and Japanese, which have none, every character is a word."""
    if not text.isascii():
        text, ideographs = _IDEOGRAPH.subn(" ", text)
        if ideographs:
            return ideographs + len(_PUNCTUATION.sub(" ", text).split())
    return len(text.split())


def word_counts(texts: Sequence[str]) -> list[int]:
    """`word_count` of each text, with all ASCII texts counted at once."""
    counts = [0 if text.isascii() else word_count(text) for text in texts]
    ascii_only = [index for index, text in enumerate(texts) if text and text.isascii()]
    joined = "\n".join(["", *(texts[index] for index in ascii_only)]).encode()
    letters = np.frombuffer(joined, np.uint8)
    space = (letters == 32) | (letters - np.uint8(9) < 5) | (letters - np.uint8(28) < 4)  # as in str.isspace
    begins = np.flatnonzero(space[:-1] & ~space[1:])  # the byte before each word
    ends = np.cumsum([len(texts[index]) + 1 for index in ascii_only])
    before = np.searchsorted(begins, ends)
    for index, words in zip(ascii_only, np.diff(before, prepend=0).tolist(), strict=True):
        counts[index] = words
    return counts
