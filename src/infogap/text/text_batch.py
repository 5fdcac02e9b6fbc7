"""The text of a trace as it is measured, its words, and many texts as one array of bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from infogap.text.characters import IDEOGRAPH

_IDEOGRAPH = re.compile(f"[{IDEOGRAPH}]")
_PUNCTUATION = re.compile("[\u3000-\u303f\uff00-\uffef]")  # of Chinese and Japanese, and full-width letters


def measured_text(reasoning: str | None, response: str | None) -> str:
    r"""Join reasoning and response with a line break. The spans of markers and leaks are positions in this text."""
    return f"{reasoning}\n{response or ''}" if reasoning else response or ""


def lower_in_place(text: str) -> str:
    """Lower-case a text, every position kept: the one letter whose lower case is two characters is not changed."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(lower if len(lower := character.lower()) == 1 else character for character in text)


def word_count(text: str) -> int:
    """Count words, separated by white space. In Chinese and Japanese every character is a word."""
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


AFTER = 8  # bytes that may be read beyond the end of every text
_EDGE = b"\n\n\n"  # before every text, and after the last


@dataclass(frozen=True)
class TextBatch:
    """Texts as UTF-8, with at least three line breaks before and after each: no match within a line spans two texts.

    Positions in the batch are counted in bytes, or in characters from the beginning of the batch.
    """

    raw: bytes
    content: np.ndarray  # `raw` as an array of uint8
    starts: np.ndarray  # of every text, in bytes
    sizes: np.ndarray  # of every text, in bytes
    ends: np.ndarray  # exclusive, in bytes; where the line breaks after a text end
    continuation: np.ndarray  # positions of the bytes that continue a character
    first_characters: np.ndarray  # `starts` in characters

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextBatch:
        encoded = [text.encode() for text in texts]
        raw = _EDGE.join([b"", *encoded, b"\n" * AFTER])
        content = np.frombuffer(raw, np.uint8)
        sizes = np.array([len(text) for text in encoded], np.int64)
        ends = np.cumsum(sizes + len(_EDGE))
        continuation = np.flatnonzero(content.view(np.int8) < -64)
        starts = ends - sizes
        return cls(raw, content, starts, sizes, ends, continuation, starts - np.searchsorted(continuation, starts))

    def characters(self, positions: np.ndarray) -> np.ndarray:
        """Positions in bytes as positions in characters."""
        return positions - np.searchsorted(self.continuation, positions) if len(self.continuation) else positions

    def text(self, positions: np.ndarray) -> np.ndarray:
        """Indices of the texts that contain some positions in bytes."""
        return np.searchsorted(self.starts, positions, side="right") - 1
