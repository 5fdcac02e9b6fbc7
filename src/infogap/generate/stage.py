"""The generate stage: asks the teacher for what is not on disk yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from typing import Any

import polars as pl

from infogap.console import Advance, progress
from infogap.errors import WorldError
from infogap.generate.plan import Plan, Planned
from infogap.generate.store import Row, TraceStore, answered, failures, move_to_cache
from infogap.privilege.wording import load_wording
from infogap.run import Run
from infogap.schema import TRACES
from infogap.stage import Outcome, Stage
from infogap.teachers import Completion, Request, model_identity, open_teacher
from infogap.text import utf8


def _part(run: Run) -> dict[str, Any]:
    """What determines the traces: not where the teacher runs, nor how fast it is asked."""
    generate, teacher = run.recipe.generate, run.recipe.teacher
    assert generate is not None and teacher is not None
    wording = load_wording(generate.wording)
    worded = {use.worded_as for use in generate.uses} & wording.contexts.keys()
    return {
        "seed": run.recipe.seed,
        "teacher": {"model": teacher.model} | teacher.answer_settings | model_identity(run),
        "generate": generate.model_dump(mode="json", by_alias=True, exclude_none=True),
        "wording": {"frame": wording.frame, "contexts": {name: wording.contexts[name] for name in sorted(worded)}},
    }


def _make(run: Run) -> Outcome:
    folder = run.path / TRACES.name
    with closing(open_teacher(run)) as teacher:
        plan = Plan(run, teacher.name)
        plan.settle()
        if plan.total and failures(folder) == plan.total:
            move_to_cache(folder)  # everything was refused: nothing is lost by asking again
        store = TraceStore(folder, plan.key, plan.total)
        asked: dict[str, Planned] = {}
        with progress("generate", plan.total, "traces", done=store.done) as advance:
            for completion in teacher.answer(_unanswered(plan, store, asked, advance)):
                planned = asked.pop(completion.request_id)
                store.add(planned.index, _row(planned, completion, teacher.name))
                advance(1, tokens=completion.completion_tokens or 0)
        store.finish()
    return _outcome(run, plan)


def _unanswered(plan: Plan, store: TraceStore, asked: dict[str, Planned], advance: Advance) -> Iterator[Request]:
    """The requests that are not on disk; those that an earlier plan has answered are taken from its cache."""
    for number, block in groupby(plan, key=lambda planned: store.block_of(planned.index)):
        if store.is_whole(number):
            continue
        missing = [planned for planned in block if not store.has(planned.index)]
        cached = store.cached(planned.request.request_id for planned in missing)
        for planned in missing:
            earlier = cached.get(planned.request.request_id)
            if earlier is not None:
                store.add(planned.index, earlier | _place(planned))
                advance(1)
            else:
                asked[planned.request.request_id] = planned
                yield planned.request


def _place(planned: Planned) -> Row:
    return {
        "trace_id": planned.request.request_id,
        "task_id": planned.task_id,
        "privilege": planned.privilege,
        "context_id": planned.context_id,
        "sample": planned.sample,
        "seed": planned.request.seed,
    }


def _row(planned: Planned, completion: Completion, teacher: str) -> Row:
    return _place(planned) | {
        "teacher": teacher,
        "round": 0,
        "reasoning": utf8(completion.reasoning),
        "response": utf8(completion.response),
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "error": completion.error,
    }


def _outcome(run: Run, plan: Plan) -> Outcome:
    traces = run.scan(TRACES)
    totals = traces.select(pl.len(), pl.col("prompt_tokens").sum(), pl.col("completion_tokens").sum()).collect()
    failed = Counter(traces.select(pl.col("error").drop_nulls()).collect()["error"].to_list())
    notes = [
        f"{tasks} tasks skipped for privilege {privilege}: {reason}"
        for (privilege, reason), tasks in sorted(plan.skipped.items())
    ]
    if failed:
        reason, count = failed.most_common(1)[0]
        if failed.total() == plan.total:
            raise WorldError(f"every request failed ({count} times: {reason}); mend what it says and run again")
        notes.append(
            f"{failed.total()} requests failed (most often, {count} times: {reason}); they are rows with an `error` "
            f"in {run.path / TRACES.name}; ask again with --retry-failed"
        )
    return Outcome(
        rows=plan.total,
        counts={
            "failed": failed.total(),
            "prompt_tokens": totals["prompt_tokens"][0] or 0,
            "completion_tokens": totals["completion_tokens"][0] or 0,
            "skipped": {f"{privilege}: {reason}": tasks for (privilege, reason), tasks in sorted(plan.skipped.items())},
        },
        notes=notes,
    )


def forget_failed(run: Run) -> int:
    """Set failed requests up to be asked again at the next generate; returns how many there are."""
    failed = failures(run.path / TRACES.name)
    if failed:
        move_to_cache(run.path / TRACES.name)
    return failed


def _begun(run: Run) -> tuple[int, int] | None:
    """Requests answered on disk, and in all; None where nothing was begun."""
    return answered(run.path / TRACES.name)


STAGE = Stage("generate", (TRACES.name, "contexts"), ("tasks",), 1, _part, _make, begun=_begun)
