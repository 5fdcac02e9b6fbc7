"""Find the windows of a text in which leak rules can match: around their words, by one automaton for all texts.

Polars runs the automaton (Aho-Corasick).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from infogap.leaks.leak_rules import Rule

REACH = 110
"""Characters before and after a word: no match is longer."""

Windows = list[tuple[int, int]]
"""Start and end (exclusive) of parts of a text, from left to right."""


class Prefilter:
    """The words of some rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._words: dict[str, list[int]] = {}
        self._also: dict[str, list[int]] = {}
        for index, rule in enumerate(rules):
            for word in rule.words:
                self._words.setdefault(word, []).append(index)
            for word in rule.also:
                self._also.setdefault(word, []).append(index)
        self._begins = frozenset(index for index, rule in enumerate(rules) if rule.begins)
        self._needs_both = frozenset(index for index, rule in enumerate(rules) if rule.also)
        self._every_word = sorted(self._words.keys() | self._also.keys())

    def windows(self, lowered: Sequence[str]) -> list[dict[int, Windows]]:
        """Return for each lower-cased text the windows of the rules that can match there, by the rule's index."""
        column = pl.Series(lowered, dtype=pl.String)
        positions = column.str.find_many(self._every_word, overlapping=True).to_list()
        words = column.str.extract_many(self._every_word, overlapping=True).to_list()
        return [
            self._by_rule(_in_characters(text, in_bytes), in_text)
            for text, in_bytes, in_text in zip(lowered, positions, words, strict=True)
        ]

    def _by_rule(self, positions: list[int], words: list[str]) -> dict[int, Windows]:
        required: dict[int, list[int]] = {}
        also: dict[int, list[int]] = {}
        for position, word in zip(positions, words, strict=True):
            for index in self._words.get(word, ()):
                required.setdefault(index, []).append(position)
            for index in self._also.get(word, ()):
                also.setdefault(index, []).append(position)
        by_rule: dict[int, Windows] = {}
        for index, of_rule in required.items():
            windows = _after(of_rule) if index in self._begins else _around(of_rule)
            if index in self._needs_both:
                windows = containing(windows, also.get(index, []))
            if windows:
                by_rule[index] = windows
        return by_rule


def containing(windows: Windows, positions: list[int]) -> Windows:
    """Return the windows that contain one of the positions; both are sorted."""
    kept: Windows = []
    number = 0
    for start, end in windows:  # starts grow: what precedes one window precedes the next
        while number < len(positions) and positions[number] < start:
            number += 1
        if number < len(positions) and positions[number] < end:
            kept.append((start, end))
    return kept


def _after(positions: list[int]) -> Windows:
    return [(position, position + 2 * REACH) for position in sorted(set(positions))]


def _around(positions: list[int]) -> Windows:
    windows: Windows = []
    first = last = -1
    for position in sorted(positions):
        if last < 0 or position - REACH > last + REACH:
            if last >= 0:
                windows.append((max(0, first - REACH), last + REACH))
            first = position
        last = position
    windows.append((max(0, first - REACH), last + REACH))
    return windows


def _in_characters(text: str, positions: list[int]) -> list[int]:
    """Positions in bytes as positions in characters."""
    if text.isascii() or not positions:
        return positions
    content = np.frombuffer(text.encode(), np.uint8)
    begins = np.cumsum((content & 0xC0) != 0x80)
    return (begins[np.array(positions)] - 1).tolist()  # type: ignore[no-any-return]
