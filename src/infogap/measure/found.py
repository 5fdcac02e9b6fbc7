"""What stands in many texts and where, in arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from infogap.measure.phrases import Span


@dataclass(frozen=True)
class Found:
    """Markers of one lexicon in texts: four arrays of one length."""

    text: np.ndarray
    start: np.ndarray  # in characters of the text
    end: np.ndarray  # exclusive
    marker: np.ndarray  # its place among the lexicon's markers

    @classmethod
    def of(cls, spans: Sequence[tuple[int, int, int, int]]) -> Self:
        """Text, start, end and marker of each."""
        return cls(*np.array(spans, np.int64).reshape(-1, 4).T)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        names = ("text", "start", "end", "marker")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def only(self, which: np.ndarray) -> Found:
        """Those of some places, or where a mask is true."""
        return Found(self.text[which], self.start[which], self.end[which], self.marker[which])

    def after(self, texts: int) -> Found:
        """The same where so many texts come before."""
        return Found(self.text + texts, self.start, self.end, self.marker)

    def spans(self, texts: int, markers: Sequence[str]) -> list[list[Span]]:
        """Of each of so many texts its spans, where they are sorted by text."""
        names = [markers[number] for number in self.marker.tolist()]
        every = list(zip(self.start.tolist(), self.end.tolist(), names, strict=True))
        bounds = np.searchsorted(self.text, np.arange(texts + 1)).tolist()
        return [every[first:last] for first, last in pairwise(bounds)]
