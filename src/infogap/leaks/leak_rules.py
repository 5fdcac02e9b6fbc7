"""Load the leak rules from YAML, and find where in a text they can match.

One automaton (Aho-Corasick, in Polars) looks for the words of all rules in all texts at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Literal

import numpy as np
import polars as pl
from pydantic import Field

from infogap.ids import digest
from infogap.recipe.base import Model
from infogap.recipe.load_recipe import read_yaml

Condition = Literal["context", "worked", "attempts", "blanks", "held"]
_PART = re.compile(r"\{([a-z_]+)\}")
_SPACE = re.compile(r"(\[\^?\]?(?:\\.|[^\]\\])*\]|\\.)| (\??)")  # a class or an escape, which are kept, or a space


class RuleEntry(Model):
    """A rule as the file has it."""

    name: str
    kind: Literal["reference", "chat_artefact"] = "reference"
    near: list[str] = Field(min_length=1, description="Every match contains one of these, lower-cased.")
    also: list[str] = Field([], description="And one of these.")
    pattern: str
    when: Condition | None = None
    begins: bool = False
    early: bool = False
    value: Literal["result", "held"] | None = None
    unless: str | None = None


class LicenceEntry(Model):
    """What a question may say, and which evidence it then accounts for."""

    says: str
    covers: str


class RulesFile(Model):
    """The YAML file of rules."""

    name: str
    source: str
    parts: dict[str, str]
    licences: list[LicenceEntry]
    rules: list[RuleEntry] = Field(min_length=1)


@dataclass(frozen=True)
class Rule:
    """A pattern that gives its author away, and the words of which every match contains one.

    rules.yaml explains the other fields.
    """

    name: str
    kind: str
    words: tuple[str, ...]
    also: tuple[str, ...]
    expression: str
    when: Condition | None
    begins: bool
    early: bool
    value: Literal["result", "held"] | None
    before: str | None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.expression, re.MULTILINE)

    @cached_property
    def unless(self) -> re.Pattern[str] | None:
        return re.compile(self.before) if self.before else None


@dataclass(frozen=True)
class Licence:
    """If a question matches `says`, evidence that matches `covers` is no leak."""

    says: re.Pattern[str]
    covers: re.Pattern[str]


@dataclass(frozen=True)
class Rules:
    """All rules and licences of a file, and the digest of its content."""

    rules: tuple[Rule, ...]
    licences: tuple[Licence, ...]
    digest: str


def load_rules() -> Rules:
    """Load the rules that ship with infogap."""
    file = read_yaml(RulesFile, (files("infogap.leaks") / "rules.yaml").read_text("utf-8"), "leak rules")
    rules = tuple(
        Rule(
            entry.name,
            entry.kind,
            tuple(entry.near),
            tuple(entry.also),
            _expression(entry.pattern, file.parts),
            entry.when,
            entry.begins,
            entry.early,
            entry.value,
            entry.unless,
        )
        for entry in file.rules
    )
    licences = tuple(Licence(re.compile(entry.says), re.compile(entry.covers)) for entry in file.licences)
    return Rules(rules, licences, digest(file.model_dump(mode="json")))


def _expression(pattern: str, parts: dict[str, str]) -> str:
    while _PART.search(pattern):
        pattern = _PART.sub(lambda part: parts[part[1]], pattern)
    return _SPACE.sub(lambda match: match[1] or (r"\s{0,3}" if match[2] else r"\s{1,3}"), pattern)


REACH = 110
"""Characters before and after a word; no match reaches further."""

Windows = list[tuple[int, int]]
"""Start and end (exclusive) of parts of a text, from left to right."""


class Prefilter:
    """Searches for the words of some rules, to find where these can match."""

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
        """Return, for each lower-cased text, the windows in which rules can match, by the rule's index."""
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
    """Convert positions in bytes to positions in characters."""
    if text.isascii() or not positions:
        return positions
    content = np.frombuffer(text.encode(), np.uint8)
    begins = np.cumsum((content & 0xC0) != 0x80)
    return (begins[np.array(positions)] - 1).tolist()  # type: ignore[no-any-return]
