"""Pair wrong attempts with corrected ones, those that belong together first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from infogap.balance.exclusion_reasons import NOT_ASKED_FOR
from infogap.leaks.answer_patterns import CHOICE, answer_pattern, same_answer
from infogap.privileges.ladder import privileges_by_label
from infogap.publish.usable_traces import (
    WITHIN_REACH,
    draws_tasks,
    lacking_by_reason,
    settings_of,
    tasks_of_pairs,
    usable_traces,
)
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, DERIVATIONS, TASKS, TRACES, VERDICTS
from infogap.text.stated_answers import every_stated, last_line

SHOWN, SAME_PRIVILEGE, SAME_TASK = "shown", "same_privilege", "same_task"
"""Why two traces are paired: the right one was written after that very attempt, or they share privilege or task."""

_SCHEMA = pl.Schema({"wrong_id": pl.String, "right_id": pl.String, "pairing": pl.String})
_OF_GROUP = ("task_id", "teacher")


@dataclass(frozen=True)
class _Trace:
    trace_id: str
    privilege: str
    text: int  # equal for equal texts
    shown: tuple[str, ...]  # of a right trace: the wrong attempts that its teacher was shown, the latest first


def recovery_pairs(run: Run, mix: pl.DataFrame) -> pl.DataFrame:
    """Pair the wrong and the right traces of a task by one teacher, sorted by the id of the right one.

    `mix` has the table's rows of one mix. Columns: `wrong_id`, `right_id` and `pairing`: `shown` if the teacher of the
    right trace was shown this very attempt, `same_privilege` or `same_task` otherwise. Pairs of the first kind are made
    first, then those of the second; among equals traces are taken by id. A trace is in at most one pair, and a task in
    at most `max_per_task`.

    A wrong attempt is one that a teacher wrote: what was derived by rule is none, as only its answer is wrong.

    A wrong attempt becomes part of a prompt. So none is used that leaks, or that gives the gold answer as its own
    somewhere or in its last line: its answer may be right and was not recognised, or it has changed its mind.
    """
    traces = _candidates(run, mix)
    shown = _shown_attempts(run, traces)
    most = settings_of(run, mix).max_per_task
    kept: dict[str, int] = {}
    rows: list[tuple[str, str, str]] = []
    found = [
        (pairing, right, wrong, str(task_id))
        for (task_id, _), group in traces.group_by(_OF_GROUP, maintain_order=True)
        for pairing, wrong, right in _paired(*_sides(group, shown))
    ]
    order = (SHOWN, SAME_PRIVILEGE, SAME_TASK)
    for pairing, right, wrong, task_id in sorted(found, key=lambda pair: (order.index(pair[0]), pair[1])):
        kept[task_id] = kept.get(task_id, 0) + 1
        if most is None or kept[task_id] <= most:
            rows.append((wrong, right, pairing))
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row").sort("right_id")


def tasks_without_recovery(run: Run, mix: pl.DataFrame, paired: pl.Series) -> dict[str, int]:
    """Count the tasks that have no pair, by reason; `paired` has the ids of those that have one."""
    right, wrong = pl.col("verdict") == "correct", pl.col("verdict") == "wrong"
    traces = _candidates(run, mix).with_columns(both=right.any().over(_OF_GROUP) & wrong.any().over(_OF_GROUP))
    sides = traces.group_by("task_id").agg(one=right.any(), other=wrong.any(), both=pl.col("both").any())
    tasks = tasks_of_pairs(run, mix, drawn=draws_tasks(run, settings_of(run, mix))).collect()
    reasons = (
        "no usable trace",
        "no usable correct trace",
        "no usable wrong attempt",
        "none by the same teacher",
        "only equal texts",
    )
    return lacking_by_reason(tasks.filter(~pl.col("task_id").is_in(paired.implode())), sides, reasons)


def labels_with_attempts(recipe: Recipe) -> list[str]:
    """Return the labels of the privileges that show a teacher wrong attempts of its own, such as `verifier`."""
    return [label for label, privilege in privileges_by_label(recipe).items() if privilege.attempts == "wrong"]


def _candidates(run: Run, mix: pl.DataFrame) -> pl.DataFrame:
    """Return the correct and the wrong traces that can be paired, by task, teacher and id."""
    drawn = draws_tasks(run, settings_of(run, mix))
    reasons = (*WITHIN_REACH, "unmatched", *NOT_ASKED_FOR)
    traces = usable_traces(run, mix, reasons=reasons, free=("privilege",), drawn=drawn)
    paired = (pl.col("verdict") == "correct") | ((pl.col("verdict") == "wrong") & ~pl.col("leak"))
    wanted = traces.filter(paired).select("trace_id", *_OF_GROUP, "privilege", "verdict", "text").collect()
    wrong = wanted.filter(verdict="wrong").select("trace_id")
    usable = wanted.join(_giving_gold(run, wrong), on="trace_id", how="anti")
    if run.recipe.derive:
        derived = run.scan(DERIVATIONS).select("trace_id").collect()
        usable = usable.join(wrong.join(derived, on="trace_id"), on="trace_id", how="anti")
    return usable.sort(*_OF_GROUP, "trace_id")


def _giving_gold(run: Run, wrong: pl.DataFrame) -> pl.DataFrame:
    """Return the `trace_id` of those wrong attempts whose response gives the gold answer.

    For tasks without one, on which samples or a judge decide, the answers of correct traces stand for it.
    """
    tasks = run.scan(TASKS).select("task_id", gold="answer")
    correct = run.scan(VERDICTS).filter(verdict="correct").select("trace_id", gold="extracted_answer").drop_nulls()
    accepted = run.scan(TRACES).select("trace_id", "task_id").join(correct, on="trace_id")
    without = accepted.join(tasks.filter(pl.col("gold").is_null()), on="task_id", how="semi")
    golds = pl.concat([tasks.drop_nulls(), without.select("task_id", "gold").unique()]).collect()
    found: list[str] = []
    for part in run.parts(TRACES):
        attempts = part.join(wrong, on="trace_id", how="semi").join(golds, on="task_id")
        for trace_id, response, gold in attempts.select("trace_id", "response", "gold").iter_rows():
            if gives_answer(response, gold):
                found.append(trace_id)
    return pl.DataFrame({"trace_id": found}, schema={"trace_id": pl.String}).unique()


def gives_answer(response: str, gold: str) -> bool:
    """Return True if a response states an answer as its own, at its end or before, or has it in its last line.

    A number in the working is not stated. In a last line the letter of a choice may be any word's.
    """
    pattern = answer_pattern(gold)
    if pattern is None:
        return gold.strip() in response
    if any(same_answer(pattern, said) for said in every_stated(response)):
        return True
    return CHOICE.fullmatch(gold.strip()) is None and pattern.search(last_line(response)) is not None


def _sides(group: pl.DataFrame, shown: Mapping[str, tuple[str, ...]]) -> tuple[list[_Trace], list[_Trace]]:
    """Return the right and the wrong traces of a task by one teacher."""
    sides: dict[str, list[_Trace]] = {"correct": [], "wrong": []}
    for trace_id, privilege, verdict, text in group.select("trace_id", "privilege", "verdict", "text").iter_rows():
        sides[verdict].append(_Trace(trace_id, privilege, text, shown.get(trace_id, ())))
    return sides["correct"], sides["wrong"]


def _paired(rights: list[_Trace], wrongs: list[_Trace]) -> Iterator[tuple[str, str, str]]:
    """Yield the pairs of a task by one teacher: why they are paired, the wrong trace and the right one."""
    free = {wrong.trace_id: wrong for wrong in wrongs}
    left = rights
    for pairing in (SHOWN, SAME_PRIVILEGE, SAME_TASK):
        unpaired = []
        for right in left:
            wrong = next((each for each in _fitting(right, free, pairing) if each.text != right.text), None)
            if wrong is None:
                unpaired.append(right)
            else:
                del free[wrong.trace_id]
                yield pairing, wrong.trace_id, right.trace_id
        left = unpaired


def _fitting(right: _Trace, free: Mapping[str, _Trace], pairing: str) -> Iterable[_Trace]:
    if pairing == SHOWN:
        return (free[trace_id] for trace_id in right.shown if trace_id in free)
    if pairing == SAME_PRIVILEGE:
        return (wrong for wrong in free.values() if wrong.privilege == right.privilege)
    return free.values()


def _shown_attempts(run: Run, traces: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return, by right trace, the ids of the wrong attempts that its context shows, the latest first.

    Which attempt a request showed is not stored: it is found in the context, where it stands word for word, without its
    thought.
    """
    sources = _sources(run.recipe)
    guided = traces.filter(pl.col("verdict") == "correct", pl.col("privilege").is_in(list(sources)))
    wrong = traces.filter(pl.col("verdict") == "wrong").join(guided, on=_OF_GROUP, how="semi", nulls_equal=True)
    of_guided = run.scan(TRACES).join(guided.lazy().select("trace_id"), on="trace_id", how="semi")
    contexts = (
        of_guided.select("trace_id", "context_id", *_OF_GROUP, "privilege")
        .join(run.scan(CONTEXTS).select("context_id", context="text"), on="context_id")
        .collect()
    )
    texts = run.scan(TRACES).join(wrong.lazy().select("trace_id"), on="trace_id", how="semi")
    attempts: dict[tuple[str, str | None], list[tuple[str, str, str]]] = {}
    for trace_id, task_id, teacher, privilege, response in (
        texts.select("trace_id", *_OF_GROUP, "privilege", "response").collect().sort("trace_id").iter_rows()
    ):
        attempts.setdefault((task_id, teacher), []).append((trace_id, privilege, response.strip()))
    shown = {}
    for trace_id, _, task_id, teacher, privilege, context in contexts.iter_rows():
        allowed = sources[privilege]
        own = [
            (attempt_id, response)
            for attempt_id, of, response in attempts.get((task_id, teacher), ())
            if response and (allowed is None or of in allowed)
        ]
        shown[trace_id] = attempts_in(context, own)
    return shown


def _sources(recipe: Recipe) -> dict[str, frozenset[str] | None]:
    """Return, by privilege that shows wrong attempts, the privileges whose attempts it shows; None if unknown."""
    labels = labels_with_attempts(recipe)
    if recipe.generate is None:
        return dict.fromkeys(labels)
    known = {use.label: frozenset((use.label, use.source)) for use in recipe.generate.uses if use.source}
    # A derived trace has the context of the trace that it was made from.
    known |= {f"{label}/{entry.name}": known[label] for entry in recipe.derive or [] for label in known}
    return {label: known.get(label) for label in labels}


def attempts_in(context: str, attempts: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the ids of those attempts (id and text) that a context shows, the latest first.

    A text that only occurs inside another attempt, such as a bare answer, is not shown by itself.
    """
    places = [(start, start + len(text), trace_id) for trace_id, text in attempts for start in _places(context, text)]
    longest = [
        (end, start, trace_id)
        for start, end, trace_id in places
        if not any(a <= start and end <= b and b - a > end - start for a, b, _ in places)
    ]
    latest = sorted(longest, key=lambda place: (-place[0], place[1], place[2]))
    return tuple(dict.fromkeys(trace_id for _, _, trace_id in latest))


def _places(context: str, text: str) -> Iterator[int]:
    """Yield where a text occurs in a context, with nothing but space around it."""
    start = context.find(text)
    while start >= 0:
        end = start + len(text)
        if (start == 0 or context[start - 1].isspace()) and (end == len(context) or context[end].isspace()):
            yield start
        start = context.find(text, start + 1)
