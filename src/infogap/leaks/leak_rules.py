"""Load the leak rules from YAML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Literal

from pydantic import Field

from infogap.ids import digest
from infogap.leaks.copy_limits import LEAKING_PROSE, LEAKING_RUN, NGRAM
from infogap.recipe.base import Model
from infogap.recipe.load_recipe import read_yaml
from infogap.user_cache import kept

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
    """All rules and licences of a file."""

    rules: tuple[Rule, ...]
    licences: tuple[Licence, ...]


_DIGESTED = 1  # raised when a `RulesFile` of the same text has other content


def rules_digest() -> str:
    """Return the digest of the rules' content, which is kept in the user's cache."""
    text = _text()
    return str(kept("leak rules", [_DIGESTED, text], lambda: digest(_read(text).model_dump(mode="json"))))


def load_rules() -> Rules:
    """Load the rules that ship with infogap."""
    file = _read(_text())
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
    return Rules(rules, licences)


def _text() -> str:
    return (files("infogap.leaks") / "rules.yaml").read_text("utf-8")


def _read(text: str) -> RulesFile:
    return read_yaml(RulesFile, text, "leak rules")


def _expression(pattern: str, parts: dict[str, str]) -> str:
    while _PART.search(pattern):
        pattern = _PART.sub(lambda part: parts[part[1]], pattern)
    return _SPACE.sub(lambda match: match[1] or (r"\s{0,3}" if match[2] else r"\s{1,3}"), pattern)


REACH = 110
"""Characters before and after a word; no match reaches further."""


def leaks_digest() -> str:
    """Return a digest of what decides the leaks in a trace, without loading the rules: fingerprints need no more."""
    return digest([rules_digest(), NGRAM, LEAKING_RUN, LEAKING_PROSE])
