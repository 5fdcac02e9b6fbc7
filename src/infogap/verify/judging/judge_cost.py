"""Estimate what a judge's votes will cost, before any is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from infogap.recipe.verify_section import Judge
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES
from infogap.teachers.base import backend_of
from infogap.verify.judging.judge_prompt import messages
from infogap.verify.verifiers.judge import NAME as JUDGE

_CHARACTERS_PER_TOKEN = 4  # of English text, as for teachers' prompts


def judge_cost(run: Run, traces_of: Mapping[str, int] | None) -> dict[str, Any] | None:
    """Return a judge's `votes`, `prompt_tokens` and `completion_tokens`, at most, and their `cost` if it has a price.

    `traces_of` has the most traces that can be generated under each privilege, of which each task has as many; None for
    a run whose traces are imported. Each change of `derive` can make one more of every trace of its privileges. Returns
    None for a run without a judge, or without tasks for it.
    """
    judge = run.recipe.verify.judge if run.recipe.verify else None
    tasks = run.scan(TASKS).select("task_id", "verifier", "question", "answer").collect()
    own = tasks.filter(verifier=JUDGE)
    if judge is None or not own.height:
        return None
    traces, characters = (
        _of_imported(run, judge, own) if traces_of is None else _of_generated(run, judge, own, traces_of, tasks.height)
    )
    votes = traces * judge.votes
    prompt_tokens = characters * judge.votes // _CHARACTERS_PER_TOKEN
    completion_tokens = votes * judge.by.sampling.max_tokens
    price = backend_of(judge.by).price(judge.by)
    return {
        "votes": votes,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        **({} if price is None else {"cost": price.of(prompt_tokens, completion_tokens)}),
    }


def _of_imported(run: Run, judge: Judge, tasks: pl.DataFrame) -> tuple[int, int]:
    """Count the traces and the characters of what is asked about them, once each."""
    known = {task["task_id"]: task for task in tasks.iter_rows(named=True)}
    rows = run.scan(TRACES).filter(pl.col("task_id").is_in(list(known))).select("task_id", "privilege", "response")
    traces = asked = 0
    for task_id, privilege, response in rows.collect().iter_rows():
        times = 1 + _changes(run, privilege)
        traces += times
        asked += times * _characters(known[task_id], response or "", judge)
    return traces, asked


def _changes(run: Run, privilege: str) -> int:
    """Count the traces that can be derived from one of a privilege."""
    return sum(privilege in (entry.change.privileges or [privilege]) for entry in run.recipe.derive or [])


def _of_generated(
    run: Run, judge: Judge, tasks: pl.DataFrame, traces_of: Mapping[str, int], count: int
) -> tuple[int, int]:
    """Count traces and characters if every request is answered, with the most tokens that an answer can have."""
    every = sum(number * (1 + _changes(run, privilege)) for privilege, number in traces_of.items())
    traces = every * tasks.height // count
    empty = sum(_characters(task, "", judge) for task in tasks.iter_rows(named=True)) // tasks.height
    longest = max(teacher.sampling.max_tokens for teacher in run.recipe.every_teacher.values())
    return traces, traces * (empty + longest * _CHARACTERS_PER_TOKEN)


def _characters(task: dict[str, Any], response: str, judge: Judge) -> int:
    gold = task["answer"] if "gold" in judge.shows else None
    return sum(len(message["content"]) for message in messages(task["question"], response, gold, judge.wording))
