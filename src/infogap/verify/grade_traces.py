"""Grade the traces of a run: read the answer that each states, and let its task's verifier decide."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from infogap.errors import ExternalError
from infogap.runs.run_folder import Run
from infogap.schema import TASKS
from infogap.text.answer_boxes import has_open_box
from infogap.text.stated_answers import MAX_ANSWER, closing_lines, stated
from infogap.verify.base import Grade, Item, Verifier, no_answer, ungradable
from infogap.verify.grading_pool import grade_all
from infogap.verify.verifiers import is_known, verifier

NO_GOLD = "no gold answer"
_ONE_LINE = 100  # characters: a response of one line, no longer than this, is an answer
TRACE_COLUMNS = ("trace_id", "task_id", "reasoning", "response", "finish_reason", "error")
Tasks = dict[str, dict[str, Any]]


def tasks_by_id(run: Run) -> Tasks:
    """Load what grading needs of every task, by task_id."""
    return {task["task_id"]: task for part in run.parts(TASKS) for task in part.drop("solution").iter_rows(named=True)}


def grade_traces(
    tasks: Tasks, parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]], folder: Path
) -> Generator[dict[str, Any], None, None]:
    """Yield a row of the verdicts table for every trace, in the order of the traces.

    Takes the tasks by id; the traces table part by part, each part with the verdicts that exist already, which are
    kept; and the recipe's folder, where the user's own verifiers are. Raises ExternalError if a verifier cannot grade
    on this machine.
    """
    verifiers = {task["verifier"] for task in tasks.values()}
    for name in sorted(filter(is_known, verifiers)):
        if problem := verifier(name).problem():
            raise ExternalError(f"`verifier: {name}` cannot grade here: {problem}")
    with closing(grade_all(_work(tasks, parts), verifiers=verifiers, folder=folder)) as grades:
        for trace_id, graded in grades:
            yield {
                "trace_id": trace_id,
                "verdict": graded.verdict,
                "extracted_answer": graded.answer,
                "score": graded.score,
                "detail": graded.detail,
            }


def _work(tasks: Tasks, parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]]) -> Iterator[tuple[str, Item | Grade]]:
    for part, graded in parts:
        before = part.select("trace_id").join(graded, on="trace_id", how="left", maintain_order="left")
        for trace, known in zip(
            part.select(TRACE_COLUMNS).iter_rows(named=True), before.iter_rows(named=True), strict=True
        ):
            if known["verdict"] is not None:
                given = Grade(known["verdict"], known["extracted_answer"], known["score"], known["detail"])
                yield trace["trace_id"], given
            else:
                yield trace["trace_id"], prepared(tasks.get(trace["task_id"]), trace)


def prepared(task: dict[str, Any] | None, trace: dict[str, Any]) -> Item | Grade:
    """Return what a verifier has to decide about a trace, or the grade where that is clear without one.

    Takes the task's row, of which only a user's function needs more than question, answer, verifier and metadata, and
    the trace's reasoning, response, finish_reason and error.
    """
    if trace["error"] is not None:
        return ungradable("the request failed")  # the reason is in traces.error, which is not published
    if task is None or not is_known(task["verifier"]):
        return ungradable(
            f"there is no verifier '{task['verifier']}'" if task else "its task is not in the tasks table"
        )
    grader = verifier(task["verifier"])
    item = readable(task, trace)
    return grader.grade(item) if isinstance(item, Item) and not grader.needs_worker else item


def readable(task: dict[str, Any], trace: dict[str, Any]) -> Item | Grade:
    """Return what the task's verifier has to decide, or the grade of a trace without an answer.

    The verifier must be known, and the trace must have no error.
    """
    grader = verifier(task["verifier"])
    response, cut = trace["response"] or "", trace["finish_reason"] == "length"
    if task["answer"] is None and grader.needs_gold:
        return ungradable(NO_GOLD, stated(response)) if response.strip() and not cut else _without_answer(trace)
    item = (_whole if grader.whole_response else _item)(grader, task, response, cut)
    if item is None:
        return _without_answer(trace)
    if len(item.answer) > MAX_ANSWER:
        return ungradable(f"answer of {len(item.answer):,} characters", item.answer[:MAX_ANSWER])
    return item


def _without_answer(trace: dict[str, Any]) -> Grade:
    """Grade a response that states no answer: truncated, as far as that is known, or without an answer."""
    if trace["finish_reason"] == "length":
        return Grade("truncated")
    if trace["finish_reason"] != "stop" and trace["reasoning"] and not trace["response"]:
        return Grade("truncated", detail="a thought and no response; the finish reason is not known")
    return no_answer()


def _item(grader: Verifier, task: dict[str, Any], response: str, cut: bool) -> Item | None:
    """Return the stated answer, or the last line if it may hold one; None if the response has no answer."""
    known = {"verifier": task["verifier"], "question": task["question"], "gold": task["answer"]}
    answer = grader.final_answer(response, task["question"], cut=cut)
    if answer is not None:
        return Item(**known, metadata=task["metadata"], answer=answer)
    line = closing_lines(response)
    if cut or not line or has_open_box(line):
        return None
    whole = line == response.strip() and len(line) <= _ONE_LINE
    if not whole and not grader.reads_last_line:
        return None  # any sentence would pass for an answer
    return Item(**known, metadata=task["metadata"], answer=line[-MAX_ANSWER:], stated=False)


def _whole(grader: Verifier, task: dict[str, Any], response: str, cut: bool) -> Item | None:
    """Return the response, for a verifier that may read answers that infogap does not; None as in `_item`."""
    answer = grader.final_answer(response, task["question"], cut=cut)
    if not response.strip() or (cut and answer is None):
        return None
    known = {"verifier": task["verifier"], "question": task["question"], "gold": task["answer"]}
    more = {"metadata": task["metadata"], "response": response, "task": task}
    return Item(**known, **more, answer=(answer or "")[:MAX_ANSWER], stated=answer is not None)
