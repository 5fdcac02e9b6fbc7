"""Lexicons: which expressions count as epistemic markers, and where they stand in a text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from infogap.errors import UserError
from infogap.ids import digest
from infogap.measure.text import has_ideograph, lower_in_place, prose
from infogap.recipe.base import Model, refuse
from infogap.recipe.problems import messages, spell_path
from infogap.recipe.spelling import nearest

SHIPPED = ("infogap", "kim2026")
_FOLDER = files("infogap.measure") / "lexicons"
_WORD = re.compile(r"\w+")

Span = tuple[int, int, str]
"""Start, end (exclusive) and marker."""


def _marker(text: str) -> str:
    text = " ".join(text.lower().split())
    if not text:
        raise refuse("a marker must have text")
    return text


Marker = Annotated[str, AfterValidator(_marker)]


class LexiconFile(Model):
    """What a lexicon's YAML file says."""

    name: str = Field(min_length=1)
    source: str = Field(min_length=1, description="Where the markers come from: a citation.")
    matching: Literal["substring", "word"]
    markers: dict[str, list[Marker]] = Field(min_length=1, description="By category.")
    exclusions: list[Marker] = Field([], description="Phrases in which a marker means something else.")

    @model_validator(mode="after")
    def _markers_are_usable(self) -> Self:
        every = [marker for markers in self.markers.values() for marker in markers]
        twice = [marker for marker, count in Counter(every).items() if count > 1]
        if not every:
            raise refuse("there are no markers")
        if twice:
            raise refuse(f"'{twice[0]}' stands twice in `markers`")
        if self.matching == "substring" and self.exclusions:
            raise refuse("`exclusions` work with `matching: word` only")
        unwordly = [text for text in (*every, *self.exclusions) if not _WORD.match(text)]
        if self.matching == "word" and unwordly:
            raise refuse(f"'{unwordly[0]}' must begin with a letter or digit under `matching: word`")
        return self


@dataclass(frozen=True)
class Lexicon:
    """Markers by category, and how they are found in a text.

    Under `substring` every marker counts wherever the lower-cased text contains it, as `str.count` does, whatever
    other markers count there. Under `word` markers are whole words or phrases of the prose; at each place the longest
    counts, and none where an exclusion begins.
    """

    name: str
    matching: Literal["substring", "word"]
    markers: dict[str, str]  # marker -> category
    exclusions: tuple[str, ...]
    digest: str  # of all that it finds

    def spans(self, text: str) -> list[Span]:
        """Where markers stand, from left to right."""
        if self.matching == "substring":
            lowered = lower_in_place(text)
            found = [
                (*match.span(), marker) for marker in self.markers for match in re.finditer(re.escape(marker), lowered)
            ]
        else:
            lowered = lower_in_place(prose(text)).replace("’", "'")
            found = self._words(lowered)
            if has_ideograph(lowered):
                found += self._running.spans(lowered)
        return sorted(found)

    def _words(self, lowered: str) -> list[Span]:
        """Markers that begin with a word: tried only where a word begins with which one of them does."""
        found: list[Span] = []
        free = 0  # where the last match ended
        for word in _WORD.finditer(lowered):
            phrases = self._by_first_word.get(word.group())
            if phrases is None or word.start() < free:
                continue
            match = phrases.pattern.match(lowered, word.start())
            if match:
                free = match.end()
                found += phrases.counted(match)
        return found

    @cached_property
    def _by_first_word(self) -> dict[str, _Phrases]:
        by_word: dict[str, list[str]] = {}
        for phrase in (*self.markers, *self.exclusions):
            first = _WORD.match(phrase)
            if first and not has_ideograph(phrase):
                by_word.setdefault(first.group(), []).append(phrase)
        # A word joined to another by a hyphen or an apostrophe is another word: "wait-list", "might've".
        return {
            first: _Phrases(texts, self.exclusions, before=r"(?<!\w[-'])", after=r"(?!\w|[-']\w)")
            for first, texts in by_word.items()
        }

    @cached_property
    def _running(self) -> _Phrases:
        """Markers in scripts without spaces between words."""
        texts = [phrase for phrase in (*self.markers, *self.exclusions) if has_ideograph(phrase)]
        return _Phrases(texts, self.exclusions)


class _Phrases:
    """A pattern for the longest of some phrases at a place; its spaces may be line breaks, its hyphens spaces."""

    def __init__(self, phrases: list[str], exclusions: tuple[str, ...], before: str = "", after: str = "") -> None:
        self._phrases = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
        self._exclusions = frozenset(exclusions)
        escaped = (
            re.escape(phrase.replace("’", "'")).replace(r"\ ", r"\s+").replace(r"\-", r"[-\s]?")
            for phrase in self._phrases
        )
        groups = "|".join(f"({phrase})" for phrase in escaped) or "(?!)"
        self.pattern = re.compile(f"{before}(?:{groups}){after}")

    def counted(self, match: re.Match[str]) -> list[Span]:
        """The match as a span; nothing where it is an exclusion."""
        phrase = self._phrases[(match.lastindex or 1) - 1]
        return [] if phrase in self._exclusions else [(*match.span(), phrase)]

    def spans(self, lowered: str) -> list[Span]:
        return [span for match in self.pattern.finditer(lowered) for span in self.counted(match)]


def load(name_or_path: str, resolve: Callable[[str], Path]) -> Lexicon:
    """A lexicon that ships with infogap, by name, or a YAML file; `resolve` makes its path one of this machine.

    Raises UserError where there is none, or where the file is not a lexicon.
    """
    if name_or_path in SHIPPED:
        return _lexicon(read_yaml(LexiconFile, (_FOLDER / f"{name_or_path}.yaml").read_text("utf-8"), name_or_path))
    path = resolve(name_or_path)
    if not path.is_file():
        if path.suffix in (".yaml", ".yml"):
            raise UserError(f"there is no lexicon file {path}")
        raise UserError(
            f"unknown lexicon '{name_or_path}'{nearest(name_or_path, SHIPPED)}; allowed: {', '.join(SHIPPED)}, "
            "or a YAML file of your own"
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the lexicon {path}: {error}") from error
    return _lexicon(read_yaml(LexiconFile, text, str(path)))


Kind = TypeVar("Kind", bound=Model)


def read_yaml(kind: type[Kind], text: str, where: str) -> Kind:
    """YAML text as a model. Raises UserError that names the place and all that is wrong."""
    try:
        data = YAML(typ="safe", pure=True).load(text)
        if not isinstance(data, dict):
            raise UserError(f"{where}: expected a mapping of {', '.join(kind.allowed_keys())}")
        return kind.model_validate(data)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{where}{line}: not valid YAML: {error.problem or error.context}") from error
    except YAMLError as error:
        raise UserError(f"{where}: not valid YAML: {error}") from error
    except ValidationError as error:
        problems = messages(error, data)
        lines = [f"{where}: {spell_path(path)}: {text}" if path else f"{where}: {text}" for path, text in problems]
        raise UserError("\n".join(lines)) from error


def _lexicon(file: LexiconFile) -> Lexicon:
    markers = {marker: category for category, texts in file.markers.items() for marker in texts}
    return Lexicon(file.name, file.matching, markers, tuple(file.exclusions), digest(file.model_dump(mode="json")))
