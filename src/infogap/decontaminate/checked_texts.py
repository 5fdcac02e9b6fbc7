"""The texts of the run that are compared with evaluation sets, and their words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.decontaminate.contaminated_traces import TABLES
from infogap.dedupe.minhash import gram_hashes, word_hashes
from infogap.recipe.decontaminate_section import What
from infogap.runs.run_folder import Run

_TEXTS: dict[What, pl.Expr] = {
    "question": pl.col("question"),
    "trace": pl.when(pl.col("error").is_null()).then(
        pl.concat_str("reasoning", "response", separator="\n", ignore_nulls=True)
    ),
    "context": pl.col("text"),
}
# Characters that are words, as in dedupe's compiled code: Thai and Lao, Burmese, Khmer, Chinese, Japanese.
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_ALONE += "\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")


def texts(run: Run, what: What) -> Iterator[pl.DataFrame]:
    """Yield all questions, traces or contexts part by part, as `id`, `task_id`, `text`; failed requests have none."""
    table = TABLES[what]
    for frame in run.parts(table):
        yield frame.select("task_id", id=pl.col(table.key), text=_TEXTS[what]).drop_nulls("text")


def count(run: Run, what: What) -> int:
    """Count the questions, traces or contexts."""
    return run.rows(TABLES[what])


@dataclass(frozen=True)
class Words:
    """The words of many texts, without those in ignored phrases; those of text i are `[ends[i]:ends[i + 1]]`.

    `places` has each word's index in its text, ignored words included.
    """

    hashes: NDArray[np.uint64]
    places: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def read(cls, texts: pl.Series, ignored: Sequence[NDArray[np.uint64]]) -> Words:
        """Read a column without nulls. Ignored phrases are matched in the whole text, then removed."""
        hashes, ends = word_hashes(texts)
        text = np.repeat(np.arange(len(texts)), np.diff(ends))
        places = np.arange(len(hashes)) - ends[text]
        removed = np.zeros(len(hashes), np.bool_)
        for phrase in ignored:
            starts = _occurrences(hashes, text, phrase)
            removed[starts[:, np.newaxis] + np.arange(len(phrase))] = True
        if removed.any():
            left = np.bincount(text[~removed], minlength=len(texts))
            hashes, places, ends = hashes[~removed], places[~removed], np.concatenate([[0], np.cumsum(left)])
        return cls(hashes, places, ends)

    def grams(self, n: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the n-grams' hashes and bounds; a text of fewer than `n` words is one n-gram."""
        return gram_hashes(self.hashes, self.ends, n)


def phrases(ignore: list[str]) -> list[NDArray[np.uint64]]:
    """Hash the recipe's ignored phrases for `Words.read`."""
    hashes, ends = word_hashes(pl.Series(ignore, dtype=pl.String))
    return [hashes[start:stop] for start, stop in pairwise(ends.tolist()) if stop > start]


def _occurrences(hashes: NDArray[np.uint64], text: NDArray[np.int64], phrase: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the positions at which the phrase begins and ends within one text."""
    last = len(phrase) - 1
    starts = np.flatnonzero(hashes[: max(len(hashes) - last, 0)] == phrase[0])
    for step in range(1, len(phrase)):
        starts = starts[hashes[starts + step] == phrase[step]]
    within: NDArray[np.bool_] = text[starts] == text[starts + last]
    return starts[within]


def spans(text: str) -> list[tuple[int, int]]:
    """Return the character span of each word, in order."""
    return [match.span() for match in _WORD.finditer(text)]
