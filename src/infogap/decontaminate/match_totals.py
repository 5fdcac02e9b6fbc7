"""Totals of the matches with evaluation sets: the manifest's counts, and notes for the user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.decontaminate.evaluation_sets import Evaluation, ReadSet
from infogap.decontaminate.ngram_matches import COMMON_QUESTIONS, COMMON_TASKS
from infogap.recipe.decontaminate_section import Decontaminate, What

_SHOWN = 60  # characters of a passage in a note
_NAMES: dict[What, str] = {"question": "tasks' questions", "trace": "traces", "context": "contexts"}


@dataclass
class MatchTotals:
    """Totals, added up while the texts are compared."""

    items: NDArray[np.bool_]  # which evaluation questions have a match
    texts: Counter[What] = field(default_factory=Counter)
    by_set: Counter[tuple[str, What]] = field(default_factory=Counter)
    matches: int = 0
    not_listed: int = 0
    common: int = 0  # matches by nothing but common words
    commonest: tuple[int, str] = (0, "")  # in how many tasks, and the passage

    def add(self, what: What, pairs: pl.DataFrame, listed: pl.DataFrame) -> None:
        """Count matches (`text`, `item`, `eval_set`, `common`), and those that are listed (with `matched`)."""
        self.items[pairs["item"].to_numpy()] = True
        self.texts[what] += pairs["text"].n_unique()
        for label, some in pairs.group_by("eval_set").agg(pl.col("text").n_unique()).iter_rows():
            self.by_set[label, what] += some
        self.matches += pairs.height
        self.not_listed += pairs.height - listed.height
        self.common += int(pairs["common"].sum())
        common = listed.filter("common").sort("tasks", descending=True, maintain_order=True)
        for tasks, passage in common.select("tasks", "matched").head(1).iter_rows():
            if tasks > self.commonest[0]:
                self.commonest = tasks, passage


def counts(settings: Decontaminate, sets: list[ReadSet], evaluation: Evaluation, totals: MatchTotals) -> dict[str, Any]:
    """Return the manifest's counts: all matches, and those of each evaluation set."""
    matched = Counter(evaluation.items["eval_set"].filter(pl.Series(totals.items)))
    empty = Counter(evaluation.items.filter(pl.col("words") == 0)["eval_set"])
    return {
        "matched": {what: totals.texts[what] for what in settings.on},
        "matches": totals.matches,
        "not_listed": totals.not_listed,
        "by_common_words": totals.common,
        "eval_sets": [
            {
                "source": one.label,
                "questions": len(one.questions) - empty[one.label],
                "without_text": one.rows - len(one.questions) + empty[one.label],
                "questions_matched": matched[one.label],
                "matched": {what: totals.by_set[one.label, what] for what in settings.on},
            }
            for one in sets
        ],
    }


def notes(run: Path, settings: Decontaminate, counted: dict[str, Any], totals: MatchTotals) -> Iterator[str]:
    """Yield notes for the user: matches by set, matches by common words alone, and where to look."""
    for one in counted["eval_sets"]:
        if one["without_text"]:
            yield f"{one['source']}: {one['without_text']:,} rows have no text to compare"
        if one["questions_matched"]:
            ours = ", ".join(f"{count:,} {_NAMES[what]}" for what, count in one["matched"].items())
            yield f"{one['source']}: {one['questions_matched']:,} of {one['questions']:,} questions match {ours}"
    if not totals.matches:
        return
    if totals.common:
        tasks, passage = totals.commonest
        yield (
            f"{totals.common:,} of {totals.matches:,} matches are by nothing but common words (in {COMMON_TASKS} tasks "
            f"or {COMMON_QUESTIONS} evaluation questions), such as {_short(passage)!r} ({tasks:,} "
            f"task{'' if tasks == 1 else 's'}); add phrases that belong to no question to decontaminate.ignore"
        )
    if totals.not_listed:
        yield f"{totals.not_listed:,} matches are not listed: for each text only the closest of a set are"
    then = "balance excludes them" if settings.policy == "drop" else "reported only (policy: report)"
    yield f"{then}; side by side: infogap decontaminate {run} --table"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."
