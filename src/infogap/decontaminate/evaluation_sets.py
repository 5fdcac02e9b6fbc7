"""Read evaluation sets into memory: their questions, and an index of their n-grams."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.decontaminate.checked_texts import Words, phrases, spans
from infogap.errors import InputError
from infogap.recipe.decontaminate_section import Decontaminate, EvaluationSet
from infogap.rows.column_paths import as_text
from infogap.runs.run_folder import Run
from infogap.tasks.field_rows import read_fields

_SIEVE_BITS = 22  # 4 MiB: fits in the processor's cache; with 100,000 n-grams, 2 % of other hashes pass


@dataclass(frozen=True)
class ReadSet:
    """The questions of one evaluation set, each with its row number."""

    label: str
    rows: int
    questions: list[tuple[int, str]]


@dataclass(frozen=True)
class Evaluation:
    """All questions of all sets, numbered, and their n-grams.

    `items` has `eval_set`, `eval_row`, `question` and `words`, a row per question. `postings` has `gram` (a number),
    `item`, `position` (index of its first word) and `length` (in words), a row per occurrence of an n-gram.
    """

    items: pl.DataFrame
    postings: pl.DataFrame
    hashes: NDArray[np.uint64]  # of each n-gram by its number, ascending
    questions: NDArray[np.int64]  # how many distinct questions have each n-gram
    ignored: list[NDArray[np.uint64]]
    sieve: NDArray[np.bool_]  # whether any n-gram's hash has these upper bits

    @classmethod
    def of(cls, sets: list[ReadSet], settings: Decontaminate) -> Evaluation:
        """Number the questions and index their n-grams. A question without words, ignored ones aside, has none."""
        listed = [(one.label, row, question) for one in sets for row, question in one.questions]
        schema = {"eval_set": pl.String, "eval_row": pl.Int64, "question": pl.String}
        items = pl.DataFrame(listed, schema=schema, orient="row")
        ignored = phrases(settings.ignore)
        words = Words.read(items["question"], ignored)
        grams, ends = words.grams(settings.ngram)
        sizes = np.diff(words.ends)
        item = np.repeat(np.arange(items.height), np.diff(ends))
        hashes, numbers = np.unique(grams, return_inverse=True)
        postings = pl.DataFrame(
            {
                "gram": numbers.astype(np.int64),
                "item": item,
                "position": np.arange(len(grams)) - ends[item],
                "length": np.minimum(sizes, settings.ngram)[item],
            }
        )
        named = pl.DataFrame({"gram": numbers.astype(np.int64), "question": _different(words)[item]}).unique()
        questions = np.bincount(named["gram"].to_numpy(), minlength=len(hashes))
        sieve = np.zeros(1 << _SIEVE_BITS, np.bool_)
        sieve[_upper(hashes)] = True
        return cls(
            items.with_columns(words=pl.Series(sizes, dtype=pl.Int64)), postings, hashes, questions, ignored, sieve
        )

    def passage(self, gram: int) -> str:
        """Return an n-gram as it is written in the first evaluation question that has it."""
        item, position, length = (
            self.postings.filter(pl.col("gram") == gram).select("item", "position", "length").row(0)
        )
        # Positions do not count ignored words, so the passage is located among the remaining words.
        words = Words.read(self.items["question"].gather([item]), self.ignored)
        text, places = self.items["question"][item], words.places[position : position + length]
        written = spans(text)
        return str(text[written[places[0]][0] : written[places[-1]][1]])

    def look_up(self, grams: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the positions (ascending) of hashes that belong to an n-gram, and the numbers of these n-grams."""
        places = np.flatnonzero(self.sieve[_upper(grams)])
        if not len(places):
            return places, places
        numbers = np.searchsorted(self.hashes, grams[places])
        numbers[numbers == len(self.hashes)] = 0
        same = self.hashes[numbers] == grams[places]
        return places[same], numbers[same]


def _different(words: Words) -> NDArray[np.int64]:
    """Number the questions, equally where two have the same words."""
    numbers: dict[bytes, int] = {}
    each = (words.hashes[start:stop].tobytes() for start, stop in pairwise(words.ends.tolist()))
    return np.array([numbers.setdefault(text, len(numbers)) for text in each], np.int64)


def _upper(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (hashes >> np.uint64(64 - _SIEVE_BITS)).astype(np.int64)


def read_sets(run: Run, settings: Decontaminate) -> list[ReadSet]:
    """Read every evaluation set of the recipe.

    Raises InputError if one does not exist, lacks the column or has no text in it, ExternalError if it cannot be
    fetched.
    """
    return [_read(run, entry) for entry in settings.against]


def _read(run: Run, entry: EvaluationSet) -> ReadSet:
    rows, questions = 0, []
    for row, values in read_fields(run, entry, {"question": entry.column}):
        rows += 1
        value = values["question"]
        text = as_text(value) if not isinstance(value, list | dict) else None
        if text is not None:
            questions.append((row, text))
    if not questions:
        raise InputError(f"decontaminate: {entry.from_}: none of its {rows:,} rows has text in '{entry.column}'")
    return ReadSet(entry.label, rows, questions)
