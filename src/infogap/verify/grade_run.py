"""Grade traces of a run, including those of verifiers that need more than a trace and its gold answer."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import Any

import polars as pl

from infogap.interrupts import Stopping
from infogap.runs.run_folder import Run
from infogap.schema import TASKS
from infogap.verify.agreed_answers import Agreed, agreed_on, with_agreed_answers
from infogap.verify.grade_traces import Tasks, grade_traces
from infogap.verify.judging.ask_judge import AskedJudge
from infogap.verify.judging.judged_traces import judged
from infogap.verify.verifiers.judge import NAME as JUDGE


def tasks_to_grade(run: Run) -> pl.DataFrame:
    """Return what grading needs of every task, in the order of their ids.

    The columns are those of the tasks table without `solution`. Where samples decide, the verifier and the answer are
    those to grade by: see `with_agreed_answers`.
    """
    tasks = run.scan(TASKS).drop("solution").collect().sort("task_id")
    return with_agreed_answers(run, tasks)


def by_id(tasks: pl.DataFrame) -> Tasks:
    """Return the rows of tasks by their ids."""
    return {task["task_id"]: task for task in tasks.iter_rows(named=True)}


def grade_run(
    run: Run,
    tasks: Tasks,
    parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]],
    stop: Stopping | None = None,
) -> Generator[dict[str, Any], None, None]:
    """Yield a row of the verdicts table for every trace, in their order; `tasks` are those of `tasks_to_grade`.

    `parts` are those of `grade_traces`, which also says what is raised. Verdicts by consensus say how many samples
    agree, and the score of a correct trace is their share. Traces of a judge wait for its votes, of which no more are
    asked for once `stop.asked` is set: raises StoppedError then, and where a budget ends the command.
    """
    judge = run.recipe.verify.judge if run.recipe.verify else None
    if judge is not None and any(task["verifier"] == JUDGE for task in tasks.values()):
        with closing(AskedJudge(run, judge, stop)) as asked:
            yield from _graded(run, tasks, judged(asked, tasks, parts))
    else:
        yield from _graded(run, tasks, parts)


def _graded(
    run: Run, tasks: Tasks, parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]]
) -> Generator[dict[str, Any], None, None]:
    agreed = {task_id: each for task_id, task in tasks.items() if (each := agreed_on(task)) and each.answer}
    order = deque[Agreed | None]()
    with closing(grade_traces(tasks, _noting(parts, agreed, order) if agreed else parts, run.base)) as rows:
        for row in rows:
            yield _by_consensus(row, order.popleft()) if agreed else row


def _noting(
    parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]], agreed: dict[str, Agreed], order: deque[Agreed | None]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield the parts, and note for each trace what its task's samples agree on; None where it has a verdict."""
    for part, known in parts:
        graded = set(known["trace_id"])
        order += [
            None if trace_id in graded else agreed.get(task_id)
            for trace_id, task_id in part.select("trace_id", "task_id").iter_rows()
        ]
        yield part, known


def _by_consensus(row: dict[str, Any], agreed: Agreed | None) -> dict[str, Any]:
    if agreed is None or row["verdict"] not in ("correct", "wrong"):
        return row
    detail = f"{row['detail']}; {agreed.in_words}" if row["detail"] else agreed.in_words
    return row | {"score": agreed.share if row["verdict"] == "correct" else 0.0, "detail": detail}
