"""Many texts in one row of bytes, so that arrays see all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AFTER = 8  # bytes that may be read past the end of every text
_EDGE = b"\n\n\n"  # before every text, and after the last


@dataclass(frozen=True)
class Row:
    """Texts as UTF-8, at least three line breaks before and after each: nothing that stands in a line goes over.

    Places of the row are counted in bytes, or in characters: those before it in the whole row.
    """

    raw: bytes
    content: np.ndarray  # the same
    starts: np.ndarray  # of every text, in bytes
    ends: np.ndarray
    followers: np.ndarray  # the bytes that begin no character
    first_characters: np.ndarray  # `starts` in characters

    @classmethod
    def of(cls, texts: Sequence[str]) -> Row:
        encoded = [text.encode() for text in texts]
        raw = _EDGE.join([b"", *encoded, b"\n" * AFTER])
        content = np.frombuffer(raw, np.uint8)
        sizes = np.array([len(text) for text in encoded], np.int64)
        ends = np.cumsum(sizes + len(_EDGE))
        followers = np.flatnonzero(content.view(np.int8) < -64)
        starts = ends - sizes
        return cls(raw, content, starts, ends, followers, starts - np.searchsorted(followers, starts))

    def characters(self, places: np.ndarray) -> np.ndarray:
        """Places in characters, of places in bytes."""
        return places - np.searchsorted(self.followers, places) if len(self.followers) else places

    def text(self, places: np.ndarray) -> np.ndarray:
        """Which text stands at places in bytes."""
        return np.searchsorted(self.starts, places, side="right") - 1
