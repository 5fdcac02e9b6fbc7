"""Cluster the near-duplicates among questions: tasks of one cluster must not be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from infogap.dedupe.corpus_batches import Held
from infogap.dedupe.dedupe_file import ROWS_AT_ONCE
from infogap.dedupe.text_duplicates import search
from infogap.recipe.dedupe_section import Dedupe


@dataclass(frozen=True)
class QuestionClusters:
    """For each question the index of the first one in its cluster, and the number of abandoned searches."""

    first: NDArray[np.int64]
    cut: int


def question_clusters(questions: list[str]) -> QuestionClusters:
    """Cluster questions whose word 5-grams overlap at the default threshold of `dedupe` (Jaccard 0.8).

    These are the near-duplicates of `balance.max_per_cluster`, which groups a question with the first one that it
    nearly repeats. Here chains count too, as both ends of a chain must be in the same split.
    """
    batches = [Held([*questions[start : start + ROWS_AT_ONCE]]) for start in range(0, len(questions), ROWS_AT_ONCE)]
    found = search(lambda: batches, Dedupe.model_validate({"scope": "all"}), lambda _rows: None)
    return QuestionClusters(found.components(), found.cut)
