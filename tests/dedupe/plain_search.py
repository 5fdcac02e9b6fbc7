"""What the compiled search must find, in a few plain lines of Python: slow, and easy to believe."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

# Scripts that put no spaces between words: each of their characters counts as a word.
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
UNSPACED += "\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")


def words(text: str) -> list[str]:
    return [word for part in text.lower().split() for word in _WORD.findall(part)]


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    found = words(text)
    size = min(n, len(found))
    return {tuple(found[start : start + size]) for start in range(len(found) - size + 1)} if found else set()


def jaccard(one: str, other: str, n: int) -> float:
    first, second = grams(one, n), grams(other, n)
    return len(first & second) / len(first | second)


@dataclass(frozen=True)
class Held:
    """A batch of texts that is in memory."""

    column: pl.Series

    @property
    def rows(self) -> int:
        return len(self.column)

    def texts(self) -> pl.Series:
        return self.column


def held(*columns: pl.Series) -> list[Held]:
    return [Held(column) for column in columns]
