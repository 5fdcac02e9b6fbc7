"""The measure `answer_changes`: how often a trace changes its mind about the answer."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import polars as pl

from infogap.text.stated_answers import every_stated, normalised


class AnswerChanges:
    """The measure of answer changes, one column."""

    columns: ClassVar = {"answer_changes": pl.Int64}
    version: ClassVar = 1

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame(
            {"answer_changes": pl.Series([answer_changes(text) for text in frame["text"]], dtype=pl.Int64)}
        )


ANSWER_CHANGES = AnswerChanges()


def answer_changes(text: str) -> int:
    """Count how often a text states another answer than the one stated before it, spacing and case aside."""
    answers = [normalised(answer) for answer in every_stated(text)]
    return sum(before != after for before, after in pairwise(answers))
