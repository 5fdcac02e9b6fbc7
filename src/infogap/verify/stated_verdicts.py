"""Compare the labels that imported files give their traces with infogap's verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import STATED_VERDICTS, TASKS, TRACES, VERDICTS

DISAGREEMENTS = "disagreements.parquet"
"""In the verdicts folder: every trace whose stated verdict differs."""

_CORRECT = frozenset({"true", "correct", "right", "yes", "y", "c", "pass", "passed", "success"})
_WRONG = frozenset({"false", "incorrect", "wrong", "no", "n", "i", "fail", "failed", "failure"})
_COLUMNS = ("trace_id", "task_id", "stated_verdict", "verdict", "extracted_answer", "answer", "detail")
_SHOWN = 5  # disagreements in a note
_MOST_CHARACTERS = 40


def reading_of(stated: str) -> Literal["correct", "wrong"] | None:
    """Read a label: a truth value, a word, Inspect's C and I, or a score, of which 1 is correct.

    A score below 1 is wrong, as a partial score is here. None for any other label.
    """
    word = stated.strip().lower()
    if word in _CORRECT:
        return "correct"
    if word in _WRONG:
        return "wrong"
    try:
        score = float(word)
    except ValueError:
        return None
    return "correct" if score == 1 else "wrong" if score < 1 else None


@dataclass(frozen=True)
class Agreement:
    """Agreement of the stated verdicts with infogap's.

    `compared` traces have both; `unread` ones have a label that is neither correct nor wrong, `ungraded` ones such a
    verdict.
    """

    compared: int
    disagreements: pl.DataFrame
    unread: pl.DataFrame  # each label and its count
    ungraded: int

    @property
    def counts(self) -> dict[str, int]:
        return {
            "compared": self.compared,
            "agree": self.compared - self.disagreements.height,
            "unread": int(self.unread["count"].sum()),
            "ungraded": self.ungraded,
        }

    @property
    def notes(self) -> list[str]:
        """Notes for the user: the agreement, some disagreements, and labels that were not understood."""
        notes = []
        if self.compared:
            agree = self.compared - self.disagreements.height
            notes.append(
                f"stated verdicts: {agree:,} of {self.compared:,} agree ({agree / self.compared:.1%})"
                + (f"; {self.ungraded:,} more are of traces that could not be graded" if self.ungraded else "")
                + (f"; the others are in {VERDICTS.name}/{DISAGREEMENTS}" if self.disagreements.height else "")
            )
        notes += [_line(row) for row in self.disagreements.head(_SHOWN).iter_rows(named=True)]
        if self.disagreements.height > _SHOWN:
            notes.append(f"  and {self.disagreements.height - _SHOWN:,} more")
        if self.unread.height:
            labels = ", ".join(f"'{label}' ({count:,})" for label, count in self.unread.head(_SHOWN).iter_rows())
            notes.append(f"stated verdicts that say neither correct nor wrong, not compared: {labels}")
        return notes


def agreement(run: Run, verdicts: pl.LazyFrame) -> Agreement | None:
    """Compare a run's stated verdicts with `verdicts`; None where its files state none.

    A trace without an answer, or a truncated one, agrees with a label that calls it wrong.
    """
    stated = run.scan(STATED_VERDICTS).collect()
    if not stated.height:
        return None
    readings = {label: reading_of(label) for label in stated["stated_verdict"].unique().to_list()}
    known = stated.with_columns(said=pl.col("stated_verdict").replace_strict(readings, return_dtype=pl.String)).join(
        verdicts.collect(), on="trace_id", how="inner", validate="1:1"
    )
    unread = known.filter(pl.col("said").is_null()).group_by("stated_verdict").agg(count=pl.len())
    read = known.filter(pl.col("said").is_not_null())
    graded = read.filter(pl.col("verdict") != "ungradable")
    differing = graded.filter((pl.col("said") == "correct") != (pl.col("verdict") == "correct"))
    traces = run.scan(TRACES).select("trace_id", "task_id").collect()
    answers = run.scan(TASKS).select("task_id", "answer").collect()
    listed = differing.join(traces, on="trace_id").join(answers, on="task_id").select(_COLUMNS).sort("trace_id")
    return Agreement(
        graded.height,
        listed,
        unread.sort("count", "stated_verdict", descending=[True, False]),
        read.height - graded.height,
    )


def _line(row: dict[str, str | None]) -> str:
    extracted, gold = _short(row["extracted_answer"]), _short(row["answer"])
    return (
        f"  trace {row['trace_id']}: stated {row['stated_verdict']}, graded {row['verdict']}; "
        f"its answer {extracted}, the gold answer {gold}"
    )


def _short(text: str | None) -> str:
    line = " ".join((text or "(none)").split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 3]}..."
