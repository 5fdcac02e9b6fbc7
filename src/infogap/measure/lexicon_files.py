"""Read lexicons: YAML files that say which expressions count as epistemic markers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from infogap.errors import InputError, nearest
from infogap.ids import digest
from infogap.measure.phrase_patterns import pieces
from infogap.recipe.base import Model, refuse
from infogap.recipe.load_recipe import read_yaml

SHIPPED = ("infogap", "kim2026")
_FOLDER = files("infogap.measure") / "lexicons"
_GLUED = re.compile(r"\*\S|\S\*")
_BEGINNING = re.compile(r"\^?(?:\* )*\w")


def _marker(text: str) -> str:
    text = " ".join(text.lower().split())
    if not text:
        raise refuse("a marker must have text")
    return text


Marker = Annotated[str, AfterValidator(_marker)]


class LexiconFile(Model):
    """The YAML file of a lexicon."""

    name: str = Field(min_length=1)
    source: str = Field(min_length=1, description="Where the markers come from: a citation.")
    matching: Literal["substring", "word"]
    markers: dict[str, list[Marker]] = Field(min_length=1, description="By category.")
    exclusions: list[Marker] = Field([], description="Phrases in which a marker means something else.")

    @model_validator(mode="after")
    def _markers_are_usable(self) -> Self:
        word = self.matching == "word"
        every = [marker.removeprefix("^" if word else "") for markers in self.markers.values() for marker in markers]
        twice = [marker for marker, count in Counter(every).items() if count > 1]
        if not every:
            raise refuse("there are no markers")
        if twice:
            raise refuse(f"'{twice[0]}' stands twice in `markers`")
        if self.exclusions and not word:
            raise refuse("`exclusions` work with `matching: word` only")
        unwordly = [text for text in (*every, *self.exclusions) if not (_BEGINNING.match(text) and pieces(text))]
        if word and unwordly:
            raise refuse(f"'{unwordly[0]}' must begin with a letter or digit under `matching: word`")
        glued = [text for text in (*every, *self.exclusions) if _GLUED.search(text)]
        if word and glued:
            raise refuse(f"in '{glued[0]}' the `*`, which stands for any one word, must have spaces around it")
        return self

    @property
    def digest(self) -> str:
        """A digest of everything that decides what counts as a marker."""
        return digest(self.model_dump(mode="json"))


def read_lexicon(name_or_path: str, resolve: Callable[[str], Path]) -> LexiconFile:
    """Read a lexicon that ships with infogap, by name, or a YAML file, whose path `resolve` makes absolute.

    Raises InputError if there is none, or if the file is not a lexicon.
    """
    if name_or_path in SHIPPED:
        return _shipped(name_or_path)
    path = resolve(name_or_path)
    if not path.is_file():
        if path.suffix in (".yaml", ".yml"):
            raise InputError(f"there is no lexicon file {path}")
        raise InputError(
            f"unknown lexicon '{name_or_path}'{nearest(name_or_path, SHIPPED)}; allowed: {', '.join(SHIPPED)}, "
            "or a YAML file of your own"
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the lexicon {path}: {error}") from error
    return read_yaml(LexiconFile, text, str(path))


@cache  # needed by stages and by their fingerprints
def _shipped(name: str) -> LexiconFile:
    return read_yaml(LexiconFile, (_FOLDER / f"{name}.yaml").read_text("utf-8"), name)
