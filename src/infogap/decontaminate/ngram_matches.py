"""Find the n-grams that texts share with evaluation questions: their places, what they cover, how common they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.decontaminate.checked_texts import Words, spans
from infogap.decontaminate.evaluation_sets import Evaluation
from infogap.runs.run_folder import Run
from infogap.schema import TASKS

COMMON_TASKS, COMMON_QUESTIONS = 10, 3
"""An n-gram in this many tasks, or this many distinct evaluation questions, is likely a phrase, not a question."""

_FEW = 1_000_000
_AT_ONCE = 2_000_000  # positions in evaluation questions processed together


class Tally:
    """Count the tasks that have each n-gram (numbered from 0), each task once, however many of its texts have it."""

    def __init__(self, run: Run, grams: int) -> None:
        self._grams = grams
        ids = run.scan(TASKS).select("task_id").collect()
        self._tasks = ids.sort("task_id").with_row_index("task").cast({"task": pl.Int64})
        self._pairs = np.empty(0, np.int64)  # distinct pairs, as task * grams + gram
        self._new: list[NDArray[np.int64]] = []

    def add(self, task_ids: pl.Series, grams: pl.Series) -> None:
        """Add pairs of a task and an n-gram that one of its texts has."""
        pairs = pl.DataFrame({"task_id": task_ids, "gram": grams}).unique().join(self._tasks, on="task_id")
        self._new.append(np.sort(pairs["task"].to_numpy() * self._grams + pairs["gram"].to_numpy()))
        if sum(map(len, self._new)) > max(len(self._pairs), _FEW):
            self._merge()

    def table(self, questions: NDArray[np.int64]) -> pl.DataFrame:
        """Return a row per `gram`: its `tasks`, its `questions` (as given) and whether it is `common`."""
        self._merge()
        tasks = np.bincount(self._pairs % max(self._grams, 1), minlength=self._grams)
        common = (tasks >= COMMON_TASKS) | (questions >= COMMON_QUESTIONS)
        numbers = np.arange(self._grams)
        return pl.DataFrame({"gram": numbers, "tasks": tasks, "questions": questions, "common": common})

    def _merge(self) -> None:
        self._pairs = np.unique(np.concatenate([self._pairs, *self._new]))
        self._new = []


@dataclass(frozen=True)
class Hits:
    """Occurrences of evaluation n-grams in texts: a row each in `places`, with `text`, `gram`, `position`."""

    words: Words
    places: pl.DataFrame

    @classmethod
    def of(cls, texts: pl.Series, evaluation: Evaluation, n: int, ignored: list[NDArray[np.uint64]]) -> Hits:
        """Look up all n-grams of a column of texts without nulls."""
        words = Words.read(texts, ignored)
        grams, ends = words.grams(n)
        places, numbers = evaluation.look_up(grams)
        text = np.searchsorted(ends, places, side="right") - 1
        return cls(words, pl.DataFrame({"text": text, "gram": numbers, "position": places - ends[text]}))

    def batches(self, evaluation: Evaluation) -> Iterator[pl.DataFrame]:
        """Yield the hits, split between texts, so that those of a phrase in every question fit in memory."""
        if self.places.is_empty():
            return
        postings = np.bincount(evaluation.postings["gram"].to_numpy(), minlength=len(evaluation.hashes))
        work = np.bincount(self.places["text"].to_numpy(), weights=postings[self.places["gram"].to_numpy()])
        batch = (np.cumsum(work) // _AT_ONCE).astype(np.int64)[self.places["text"].to_numpy()]
        for _, hits in self.places.with_columns(batch=batch).group_by("batch", maintain_order=True):
            yield hits.drop("batch")


def compare(hits: pl.DataFrame, evaluation: Evaluation, grams: pl.DataFrame, least_share: float) -> pl.DataFrame:
    """Return pairs of `text` and evaluation `item` that share n-grams, with `ngrams` (distinct) and `share` (0 to 1).

    `grams` is from `Tally.table`; `tasks`, `questions` and `common` describe the rarest of the shared n-grams. Pairs
    with less than `least_share` are left out.
    """
    places = (
        hits.select("text", "gram")
        .unique()
        .join(evaluation.postings, on="gram")
        .join(grams, on="gram")
        .sort("text", "item", "position")
    )
    goes_on = (pl.col("text").shift(-1) == pl.col("text")) & (pl.col("item").shift(-1) == pl.col("item"))
    until_next = pl.col("position").shift(-1) - pl.col("position")
    covered = pl.when(goes_on).then(pl.min_horizontal(until_next, "length")).otherwise("length")
    return (
        places.with_columns(covered=covered)
        .group_by("text", "item")
        .agg(
            ngrams=pl.col("gram").n_unique().cast(pl.Int64),
            covered=pl.col("covered").sum(),
            tasks=pl.col("tasks").min(),
            questions=pl.col("questions").min(),
            common=pl.col("common").all(),
        )
        .join(evaluation.items.select("eval_set", "words").with_row_index("item").cast({"item": pl.Int64}), on="item")
        .with_columns(share=pl.col("covered") / pl.col("words"))
        .filter(pl.col("share") >= least_share)
        .sort("text", "item")
    )


def passages(
    pairs: pl.DataFrame, hits: pl.DataFrame, evaluation: Evaluation, words: Words, texts: pl.Series
) -> list[str]:
    """Return, for each pair of `text` and `item`, the longest passage that they share, as the text has it.

    Of equally long ones the first is returned; ignored words within it are included.
    """
    lengths = evaluation.postings.select("gram", "item", "length").unique()
    places = (
        pairs.select("text", "item")
        .join(hits, on="text")
        .join(lengths, on=["gram", "item"])
        .sort("text", "item", "position")
        .group_by("text", "item", maintain_order=True)
        .agg("position", length=pl.col("length").first())
    )
    ordered = pairs.select("text", "item").join(places, on=["text", "item"], how="left", maintain_order="left")
    written_passages = []
    for text, _, positions, length in ordered.iter_rows():
        start, stop = _longest(positions, length)
        first, last = words.places[words.ends[text] + start], words.places[words.ends[text] + stop - 1]
        written = spans(texts[text])
        written_passages.append(texts[text][written[first][0] : written[last][1]])
    return written_passages


def _longest(positions: list[int], length: int) -> tuple[int, int]:
    """Return the bounds of the longest run of words covered by n-grams at these positions (ascending)."""
    best = start = positions[0], positions[0] + length
    for position in positions[1:]:
        start = (start[0], position + length) if position <= start[1] else (position, position + length)
        if start[1] - start[0] > best[1] - best[0]:
            best = start
    return best
