"""Reference leaks: a trace speaks of a solution, an answer or a hint that the student's prompt does not hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import TypedDict

from pydantic import Field

from infogap.ids import digest
from infogap.measure.lexicon import read_yaml
from infogap.measure.text import lower_in_place
from infogap.recipe.base import Model

_REACH = 160  # characters before and after a word: longer than any phrase


class Leak(TypedDict):
    """One place in the measured text: `kind`, the regular expression that found it, character span, the words there."""

    kind: str
    rule: str
    start: int
    end: int
    evidence: str


class LeaksFile(Model):
    """What the YAML file of leak phrases says."""

    name: str
    source: str
    words: list[str] = Field(min_length=1, description="Every phrase holds one of these; phrases are sought near them.")
    kinds: dict[str, list[str]] = Field(
        min_length=1, description="Regular expressions by kind, without groups that capture."
    )


@dataclass(frozen=True)
class LeakPhrases:
    """Regular expressions by kind of leak, each of which needs one of the words."""

    words: tuple[str, ...]
    kinds: dict[str, tuple[str, ...]]
    digest: str

    def find(self, text: str, question: str) -> list[Leak]:
        """The leaks in a trace's text, from left to right, without what the question itself says."""
        asked = _comparable(question)
        found = [
            Leak(
                kind=kind,
                rule=self.kinds[kind][(match.lastindex or 1) - 1],
                start=match.start(),
                end=match.end(),
                evidence=match.group(),
            )
            for start, end in self._surroundings(text)
            for kind, pattern in self._patterns.items()
            for match in pattern.finditer(text, start, end)
            if _comparable(match.group()) not in asked
        ]
        return sorted(found, key=lambda leak: (leak["start"], leak["end"], leak["kind"]))

    def _surroundings(self, text: str) -> list[tuple[int, int]]:
        """The parts of a text in which a phrase can stand: most of a trace need not be searched."""
        lowered = lower_in_place(text)
        places = sorted(match.start() for word in self.words for match in re.finditer(word, lowered))
        parts: list[tuple[int, int]] = []
        for place in places:
            start, end = max(0, place - _REACH), place + _REACH
            if parts and start <= parts[-1][1]:
                start = parts.pop()[0]
            parts.append((start, end))
        return parts

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {
            kind: re.compile("|".join(f"({pattern})".replace(" ", r"\s+") for pattern in patterns), re.IGNORECASE)
            for kind, patterns in self.kinds.items()
        }


def load_leaks() -> LeakPhrases:
    """The leak phrases that ship with infogap."""
    path = files("infogap.measure") / "lexicons" / "leaks.yaml"
    file = read_yaml(LeaksFile, path.read_text("utf-8"), "leaks")
    kinds = {kind: tuple(patterns) for kind, patterns in file.kinds.items()}
    return LeakPhrases(tuple(file.words), kinds, digest(file.model_dump(mode="json")))


def _comparable(text: str) -> str:
    return " ".join(text.casefold().split())
