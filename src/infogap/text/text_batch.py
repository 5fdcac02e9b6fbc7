"""Many texts joined into one array of bytes, so that one numpy operation sees all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

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
        return cls(raw, content, starts, ends, continuation, starts - np.searchsorted(continuation, starts))

    def characters(self, positions: np.ndarray) -> np.ndarray:
        """Positions in bytes as positions in characters."""
        return positions - np.searchsorted(self.continuation, positions) if len(self.continuation) else positions

    def text(self, positions: np.ndarray) -> np.ndarray:
        """Indices of the texts that contain some positions in bytes."""
        return np.searchsorted(self.starts, positions, side="right") - 1
