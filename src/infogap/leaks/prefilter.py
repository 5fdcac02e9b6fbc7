"""Where rules can match: around their words, found by one automaton (Aho-Corasick, in Polars) in all texts at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from infogap.leaks.leak_rules import Rule

REACH = 110
"""Characters before and after a word: no match is longer."""

Parts = list[tuple[int, int]]


class Surroundings:
    """The parts of texts in which each of some rules can match."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._near: dict[str, list[int]] = {}
        self._also: dict[str, list[int]] = {}
        for index, rule in enumerate(rules):
            for word in rule.near:
                self._near.setdefault(word, []).append(index)
            for word in rule.also:
                self._also.setdefault(word, []).append(index)
        self._begins = frozenset(index for index, rule in enumerate(rules) if rule.begins)
        self._needs_both = frozenset(index for index, rule in enumerate(rules) if rule.also)
        self._words = sorted(self._near.keys() | self._also.keys())

    def of(self, lowered: Sequence[str]) -> list[dict[int, Parts]]:
        """For each text, by the rule's number, its parts (start and end) from left to right; none where none can be."""
        column = pl.Series(lowered, dtype=pl.String)
        places = column.str.find_many(self._words, overlapping=True).to_list()
        words = column.str.extract_many(self._words, overlapping=True).to_list()
        return [
            self._parts(_in_characters(text, at), found) for text, at, found in zip(lowered, places, words, strict=True)
        ]

    def _parts(self, places: list[int], words: list[str]) -> dict[int, Parts]:
        near: dict[int, list[int]] = {}
        also: dict[int, list[int]] = {}
        for place, word in zip(places, words, strict=True):
            for index in self._near.get(word, ()):
                near.setdefault(index, []).append(place)
            for index in self._also.get(word, ()):
                also.setdefault(index, []).append(place)
        found: dict[int, Parts] = {}
        for index, at in near.items():
            parts = _from(at) if index in self._begins else _around(at)
            if index in self._needs_both:
                parts = holding(parts, also.get(index, []))
            if parts:
                found[index] = parts
        return found


def holding(parts: Parts, places: list[int]) -> Parts:
    """The parts in which one of some places lies; both are in order."""
    kept: Parts = []
    number = 0
    for start, end in parts:  # starts grow: what lies before one lies before the next
        while number < len(places) and places[number] < start:
            number += 1
        if number < len(places) and places[number] < end:
            kept.append((start, end))
    return kept


def _from(places: list[int]) -> Parts:
    return [(place, place + 2 * REACH) for place in sorted(set(places))]


def _around(places: list[int]) -> Parts:
    parts: Parts = []
    first = last = -1
    for place in sorted(places):
        if last < 0 or place - REACH > last + REACH:
            if last >= 0:
                parts.append((max(0, first - REACH), last + REACH))
            first = place
        last = place
    parts.append((max(0, first - REACH), last + REACH))
    return parts


def _in_characters(text: str, places: list[int]) -> list[int]:
    """Places in bytes as places in characters."""
    if text.isascii() or not places:
        return places
    content = np.frombuffer(text.encode(), np.uint8)
    begins = np.cumsum((content & 0xC0) != 0x80)
    return (begins[np.array(places)] - 1).tolist()  # type: ignore[no-any-return]
