"""A run's texts that are compared with evaluation sets: where they stand, their words, and which traces match."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.hashing import gram_hashes, word_hashes
from infogap.recipe.decontaminate_section import What
from infogap.runs.run_folder import Run
from infogap.schema import CONTAMINATION, CONTEXTS, TASKS, TRACES, Table

_TABLES: dict[What, Table] = {"question": TASKS, "trace": TRACES, "context": CONTEXTS}
_TEXTS: dict[What, pl.Expr] = {
    "question": pl.col("question"),
    "trace": pl.when(pl.col("error").is_null()).then(
        pl.concat_str("reasoning", "response", separator="\n", ignore_nulls=True)
    ),
    "context": pl.col("text"),
}


def texts(run: Run, what: What) -> Iterator[pl.DataFrame]:
    """All questions, traces or contexts part by part, as `id`, `task_id`, `text`; failed requests have none."""
    table = _TABLES[what]
    for frame in run.parts(table):
        yield frame.select("task_id", id=pl.col(table.key), text=_TEXTS[what]).drop_nulls("text")


def count(run: Run, what: What) -> int:
    """How many there are."""
    return run.rows(_TABLES[what])


def contaminated_traces(run: Run) -> pl.LazyFrame:
    """The `trace_id` of every trace that matches, each once; in no order."""
    matches = run.scan(CONTAMINATION).select("where", "id").unique()
    traces = run.scan(TRACES).select("trace_id", "task_id", "context_id")
    keys = {"question": "task_id", "trace": "trace_id", "context": "context_id"}
    found = [
        traces.join(matches.filter(pl.col("where") == what), left_on=key, right_on="id", how="semi").select("trace_id")
        for what, key in keys.items()
    ]
    return pl.concat(found).unique()


# Characters that are a word each, as dedupe's compiled code cuts them: Thai and Lao, Burmese, Khmer, Chinese, Japanese.
_ALONE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
_ALONE += "\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_ALONE}]|[^\s{_ALONE}]+")


@dataclass(frozen=True)
class Words:
    """The words of many texts, without those in ignored phrases; those of text i are `[ends[i]:ends[i + 1]]`.

    `places` is each word's number in its text, with the ignored ones counted.
    """

    hashes: NDArray[np.uint64]
    places: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def read(cls, texts: pl.Series, ignored: Sequence[NDArray[np.uint64]]) -> Words:
        """The words of a column without nulls. Occurrences of phrases are sought in the whole text, then taken out."""
        hashes, ends = word_hashes(texts)
        text = np.repeat(np.arange(len(texts)), np.diff(ends))
        places = np.arange(len(hashes)) - ends[text]
        gone = np.zeros(len(hashes), np.bool_)
        for phrase in ignored:
            starts = _occurrences(hashes, text, phrase)
            gone[starts[:, np.newaxis] + np.arange(len(phrase))] = True
        if gone.any():
            left = np.bincount(text[~gone], minlength=len(texts))
            hashes, places, ends = hashes[~gone], places[~gone], np.concatenate([[0], np.cumsum(left)])
        return cls(hashes, places, ends)

    def grams(self, n: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The hashes of the n-grams and their ends; a text of fewer than `n` words is one n-gram."""
        return gram_hashes(self.hashes, self.ends, n)


def phrases(ignore: list[str]) -> list[NDArray[np.uint64]]:
    """The recipe's phrases as `Words.read` takes them."""
    hashes, ends = word_hashes(pl.Series(ignore, dtype=pl.String))
    return [hashes[start:stop] for start, stop in pairwise(ends.tolist()) if stop > start]


def _occurrences(hashes: NDArray[np.uint64], text: NDArray[np.int64], phrase: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The places at which the phrase begins, and does not run over into the next text."""
    last = len(phrase) - 1
    starts = np.flatnonzero(hashes[: max(len(hashes) - last, 0)] == phrase[0])
    for step in range(1, len(phrase)):
        starts = starts[hashes[starts + step] == phrase[step]]
    within: NDArray[np.bool_] = text[starts] == text[starts + last]
    return starts[within]


def spans(text: str) -> list[tuple[int, int]]:
    """The characters of each of the text's words, in the order in which they are counted."""
    return [match.span() for match in _WORD.finditer(text)]
