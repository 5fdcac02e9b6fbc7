"""Compare tasks, traces and contexts with evaluation sets; write the table `contamination`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from infogap.console import say
from infogap.decontaminate.checked_texts import count, phrases, texts
from infogap.decontaminate.evaluation_sets import Evaluation, read_sets
from infogap.decontaminate.match_totals import MatchTotals, counts, notes
from infogap.decontaminate.ngram_matches import Hits, Tally, compare, passages
from infogap.decontaminate.stage import QUESTIONS, settings_of
from infogap.progress import Advance, progress
from infogap.recipe.decontaminate_section import Decontaminate, What
from infogap.runs.run_folder import Run, write_part
from infogap.runs.stage import Outcome
from infogap.schema import CONTAMINATION

_MUCH = 500_000_000  # positions in evaluation questions: a few minutes of work
_MOST = 3  # questions of one evaluation set listed per text


def compare_texts(run: Run) -> Outcome:
    """Compare the texts that the recipe names with all evaluation questions, and write the table `contamination`.

    Evaluation questions are held in memory. The run's texts are read part by part, twice: first to count the tasks that
    have each of the questions' n-grams, then to write the matches.

    Raises InputError if an evaluation set does not exist or has no text, ExternalError if it cannot be fetched.
    """
    settings = settings_of(run)
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
