"""Markers that stand in a text as they are written, where an anchor of theirs was found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infogap.measure.anchors import Hits
from infogap.measure.found import Found
from infogap.text.text_batch import Row


class Literals:
    """Of every anchor the markers that begin with it, or with a part of it; each with the place of its lexicon."""

    def __init__(self, of_anchors: Sequence[Sequence[tuple[int, str]]], numbers: Sequence[dict[str, int]]) -> None:
        """`numbers` are, for each lexicon, the places of its markers."""
        every = [literal for literals in of_anchors for literal in literals]
        self._count = np.array([len(literals) for literals in of_anchors], np.int64)
        self._first = np.cumsum(self._count) - self._count
        self._lexicon = np.array([index for index, _ in every], np.int64)
        self._marker = np.array([numbers[index][marker] for index, marker in every], np.int64)
        self._characters = np.array([len(marker) for _, marker in every], np.int64)
        encoded = [marker.encode() for _, marker in every]
        self._bytes = np.array([len(text) for text in encoded], np.int64)
        self._letters = np.zeros((len(every), max(map(len, encoded), default=0)), np.uint8)
        for letters, text in zip(self._letters, encoded, strict=True):
            letters[: len(text)] = list(text)
        self._self_overlapping = np.array(
            [any(marker[place:] == marker[:-place] for place in range(1, len(marker))) for _, marker in every], bool
        )

    def at(self, row: Row, hits: Hits, anchor_bytes: np.ndarray) -> tuple[Found, np.ndarray]:
        """What stands at the hits, and which lexicon's it is; so many bytes of each anchor are known to stand there.

        Of a marker that overlaps itself only what `str.count` counts.
        """
        count = self._count[hits.anchor]
        hit = np.repeat(np.arange(len(count)), count)
        literal = self._first[hits.anchor][hit] + np.arange(len(hit)) - (np.cumsum(count) - count)[hit]
        begin = hits.begin[hit]
        stands = np.ones(len(hit), bool)
        longer = np.flatnonzero(self._bytes[literal] > anchor_bytes[hits.anchor][hit])
        for offset in range(self._letters.shape[1]):
            longer = longer[self._bytes[literal[longer]] > offset]
            place = np.minimum(begin[longer] + offset, len(row.content) - 1)
            stands[longer] &= row.content[place] == self._letters[literal[longer], offset]
            longer = longer[stands[longer]]
        free: dict[int, int] = {}
        for number in np.flatnonzero(stands & self._self_overlapping[literal]).tolist():
            which, place = int(literal[number]), int(begin[number])
            marker = int(self._lexicon[which]) << 32 | int(self._marker[which])
            stands[number] = place >= free.get(marker, 0)
            if stands[number]:
                free[marker] = place + int(self._bytes[which])
        hit, literal = hit[stands], literal[stands]
        start = hits.place[hit]
        found = Found(hits.text[hit], start, start + self._characters[literal], self._marker[literal])
        return found, self._lexicon[literal]
