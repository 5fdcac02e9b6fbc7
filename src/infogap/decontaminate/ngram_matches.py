"""N-grams that texts share with evaluation questions: where they stand, what they cover, and how common they are."""

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
"""An n-gram in so many tasks, or in so many different evaluation questions, is more likely a phrase than a question."""

_FEW = 1_000_000


class Tally:
    """Counts the tasks of n-grams (numbered from 0); a task counts once, however many of its texts have the n-gram."""

    def __init__(self, run: Run, grams: int) -> None:
        self._grams = grams
        ids = run.scan(TASKS).select("task_id").collect()
        self._tasks = ids.sort("task_id").with_row_index("task").cast({"task": pl.Int64})
        self._seen = np.empty(0, np.int64)  # different pairs, as task * grams + gram
        self._new: list[NDArray[np.int64]] = []

    def add(self, task_ids: pl.Series, grams: pl.Series) -> None:
        """Note that the tasks have the n-grams, one by one."""
        pairs = pl.DataFrame({"task_id": task_ids, "gram": grams}).unique().join(self._tasks, on="task_id")
        self._new.append(np.sort(pairs["task"].to_numpy() * self._grams + pairs["gram"].to_numpy()))
        if sum(map(len, self._new)) > max(len(self._seen), _FEW):
            self._merge()

    def table(self, questions: NDArray[np.int64]) -> pl.DataFrame:
        """For each `gram` its `tasks`, its `questions` (given) and whether it is `common`."""
        self._merge()
        tasks = np.bincount(self._seen % max(self._grams, 1), minlength=self._grams)
        common = (tasks >= COMMON_TASKS) | (questions >= COMMON_QUESTIONS)
        numbers = np.arange(self._grams)
        return pl.DataFrame({"gram": numbers, "tasks": tasks, "questions": questions, "common": common})

    def _merge(self) -> None:
        self._seen = np.unique(np.concatenate([self._seen, *self._new]))
        self._new = []


_AT_ONCE = 2_000_000  # places in evaluation questions that are looked at together


@dataclass(frozen=True)
class Hits:
    """Where n-grams of evaluation questions stand in texts: a row for each place, with `text`, `gram`, `position`."""

    words: Words
    found: pl.DataFrame

    @classmethod
    def of(cls, texts: pl.Series, evaluation: Evaluation, n: int, ignored: list[NDArray[np.uint64]]) -> Hits:
        """Look all n-grams of a column of texts (without nulls) up."""
        words = Words.read(texts, ignored)
        grams, ends = words.grams(n)
        places, numbers = evaluation.look_up(grams)
        text = np.searchsorted(ends, places, side="right") - 1
        return cls(words, pl.DataFrame({"text": text, "gram": numbers, "position": places - ends[text]}))

    def batches(self, evaluation: Evaluation) -> Iterator[pl.DataFrame]:
        """The hits, cut between texts, so that those of a phrase in every question fit in memory."""
        if self.found.is_empty():
            return
        postings = np.bincount(evaluation.postings["gram"].to_numpy(), minlength=len(evaluation.hashes))
        work = np.bincount(self.found["text"].to_numpy(), weights=postings[self.found["gram"].to_numpy()])
        batch = (np.cumsum(work) // _AT_ONCE).astype(np.int64)[self.found["text"].to_numpy()]
        for _, hits in self.found.with_columns(batch=batch).group_by("batch", maintain_order=True):
            yield hits.drop("batch")


def compare(hits: pl.DataFrame, evaluation: Evaluation, grams: pl.DataFrame, least_share: float) -> pl.DataFrame:
    """Texts and evaluation questions that share n-grams, by `text` and `item`, with `ngrams` and `share`.

    `grams` is what `Tally.table` gives; `tasks`, `questions` and `common` are of the rarest of the shared n-grams. Left
    out is what covers less than `least_share`.
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
    """For each pair of `text` and `item` the longest passage of the text (as it is written) that the item shares.

    Of several that are as long it is the first; ignored words inside of it are shown.
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
    found = []
    for text, _, positions, length in ordered.iter_rows():
        start, stop = _longest(positions, length)
        first, last = words.places[words.ends[text] + start], words.places[words.ends[text] + stop - 1]
        written = spans(texts[text])
        found.append(texts[text][written[first][0] : written[last][1]])
    return found


def _longest(positions: list[int], length: int) -> tuple[int, int]:
    """The longest run of words that n-grams at these positions (ascending) cover, from the first up to the last."""
    best = start = positions[0], positions[0] + length
    for position in positions[1:]:
        start = (start[0], position + length) if position <= start[1] else (position, position + length)
        if start[1] - start[0] > best[1] - best[0]:
            best = start
    return best
