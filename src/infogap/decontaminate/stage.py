"""The decontaminate stage: compare tasks, traces and contexts with evaluation sets; write `contamination`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.console import Advance, progress, say
from infogap.decontaminate.checked_texts import count, phrases, texts
from infogap.decontaminate.evaluation_sets import Evaluation, ReadSet, read_sets
from infogap.decontaminate.ngram_matches import COMMON_QUESTIONS, COMMON_TASKS, Hits, Tally, compare, passages
from infogap.recipe import Recipe
from infogap.recipe.decontaminate_section import Decontaminate, What
from infogap.rows.source_digests import content
from infogap.runs.run_folder import Run, write_part
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTAMINATION, TASKS, TRACES

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


QUESTIONS = "questions.parquet"
"""Beside the table: the evaluation questions with a match."""

_MUCH = 500_000_000  # positions in evaluation questions: a few minutes of work
_MOST = 3  # questions of one evaluation set listed per text


def _settings(run: Run) -> Decontaminate:
    """Return the recipe's section; without one the pipeline has no such stage."""
    settings = run.recipe.decontaminate
    assert settings is not None
    return settings


def part(run: Run) -> dict[str, Any]:
    """Return what the matches depend on: the rule, the sets and their bytes. The policy concerns only balance."""
    settings = _settings(run)
    sets = [
        entry.model_dump(mode="json", by_alias=True) | {"name": entry.label, "sha256": content(run, entry)}
        for entry in settings.against
    ]
    rule = settings.model_dump(mode="json", exclude={"against", "policy", "coverage"})
    return {"decontaminate": rule | {"least_share": settings.least_share}, "against": sets}


def make(run: Run) -> Outcome:
    """Compare the texts that the recipe names with all evaluation questions, and write the table `contamination`.

    Evaluation questions are held in memory. The run's texts are read part by part, twice: first to count the tasks that
    have each of the questions' n-grams, then to write the matches.

    Raises InputError if an evaluation set does not exist or has no text, ExternalError if it cannot be fetched.
    """
    settings = _settings(run)
    sets = read_sets(run, settings)
    evaluation = Evaluation.of(sets, settings)
    totals = MatchTotals(np.zeros(evaluation.items.height, np.bool_))
    total = 2 * sum(count(run, what) for what in settings.on)
    with run.rewrite(CONTAMINATION) as out, progress("decontaminate", total, "texts") as advance:
        grams = _grams(run, settings, evaluation, advance)
        _say_if_long(grams, evaluation)
        for what in settings.on:
            for frame in texts(run, what):
                for rows in _matching(frame, what, settings, evaluation, grams, totals):
                    out.write(rows)
                advance(frame.height)
    matched = evaluation.items.filter(pl.Series(totals.items)).select("eval_set", "eval_row", "question")
    write_part(run.path / CONTAMINATION.name / QUESTIONS, matched)
    counted = counts(settings, sets, evaluation, totals)
    return Outcome(out.rows, counted, list(notes(run.path, settings, counted, totals)))


def _grams(run: Run, settings: Decontaminate, evaluation: Evaluation, advance: Advance) -> pl.DataFrame:
    """Count, for each n-gram of the evaluation questions, the tasks that have it in any compared text."""
    tally = Tally(run, len(evaluation.hashes))
    ignored = phrases(settings.ignore)
    for what in settings.on:
        for frame in texts(run, what):
            hits = Hits.of(frame["text"], evaluation, settings.ngram, ignored).places
            tally.add(frame["task_id"].gather(hits["text"]), hits["gram"])
            advance(frame.height)
    return tally.table(evaluation.questions)


def _say_if_long(grams: pl.DataFrame, evaluation: Evaluation) -> None:
    """Warn about a phrase that makes nearly everything match: comparing takes long, and is hardly intended."""
    places = np.bincount(evaluation.postings["gram"].to_numpy(), minlength=grams.height)
    work = grams["tasks"].to_numpy() * places
    if work.sum() < _MUCH:
        return
    most = int(work.argmax())
    tasks, questions = grams.select("tasks", "questions").row(most)
    say(
        f"'{evaluation.passage(most)}' occurs in {tasks:,} tasks and in {questions:,} evaluation questions, so that "
        "comparing takes long; if it is a common phrase, stop and add it to decontaminate.ignore",
        style="yellow",
    )


def _matching(
    frame: pl.DataFrame,
    what: What,
    settings: Decontaminate,
    evaluation: Evaluation,
    grams: pl.DataFrame,
    totals: MatchTotals,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of one part of the texts, the closest questions of each set first; count every match."""
    hits = Hits.of(frame["text"], evaluation, settings.ngram, phrases(settings.ignore))
    for batch in hits.batches(evaluation):
        pairs = compare(batch, evaluation, grams, settings.least_share)
        listed = (
            pairs.sort("text", "eval_set", "share", "ngrams", "item", descending=[False, False, True, True, False])
            .group_by("text", "eval_set", maintain_order=True)
            .head(_MOST)
        )
        matched = passages(listed, batch, evaluation, hits.words, frame["text"])
        listed = listed.with_columns(
            *frame.select("id", "task_id")[listed["text"]],
            eval_row=evaluation.items["eval_row"].gather(listed["item"]),
            where=pl.lit(what),
            matched=pl.Series(matched, dtype=pl.String),
        )
        totals.add(what, pairs, listed)
        yield listed.select(CONTAMINATION.schema.names())


def _inputs(recipe: Recipe) -> tuple[str, ...]:
    on = recipe.decontaminate.on if recipe.decontaminate else []
    return (TRACES.name,) if {"trace", "context"} & set(on) else ()


def _absent(recipe: Recipe) -> str:
    if recipe.decontaminate is not None:
        return ""
    return (
        "the recipe names no evaluation sets; add to it: `decontaminate: {against: [{from: FILE, column: question}]}`"
    )


STAGE = Stage("decontaminate", (CONTAMINATION.name,), (TASKS.name,), 1, part, make, absent=_absent, inputs_by=_inputs)
