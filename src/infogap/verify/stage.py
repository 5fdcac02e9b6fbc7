"""The verify stage: every trace's final answer against its task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from infogap.console import progress
from infogap.run import ROWS_PER_PART, Run
from infogap.schema import TASKS, TRACES, VERDICT_NAMES, VERDICTS
from infogap.stage import Outcome, Stage
from infogap.verify.answers import MAX_ANSWER, last_line, stated
from infogap.verify.grade import Grade, Item, no_answer, ungradable
from infogap.verify.graders import BOUNDED, PLAIN, grade
from infogap.verify.pool import TIME_LIMIT, grade_all

_ONE_LINE = 100  # characters: a response that is no more than such a line is an answer by itself
_REASONS_SHOWN = 3


def _part(_run: Run) -> dict[str, Any]:
    """Verdicts depend on the libraries that give them, and on how long these may take."""
    libraries = {name: version(name) for name in ("math-verify", "reasoning-gym")}
    return {"libraries": libraries, "time_limit": TIME_LIMIT}


def _make(run: Run) -> Outcome:
    tasks = {task["task_id"]: task for part in run.parts(TASKS) for task in part.drop("solution").iter_rows(named=True)}
    verifiers = {task["verifier"] for task in tasks.values()}
    verdicts, reasons = Counter[str](), Counter[str]()
    with run.rewrite(VERDICTS) as out, progress("verify", run.rows(TRACES), "traces") as advance:
        rows: list[dict[str, Any]] = []
        for trace_id, graded in grade_all(_work(run, tasks), verifiers=verifiers):
            verdicts[graded.verdict] += 1
            if graded.verdict == "ungradable":
                reasons[_kind_of(graded.detail or "")] += 1
            rows.append(_row(trace_id, graded))
            advance()
            if len(rows) == ROWS_PER_PART:
                out.write(VERDICTS.frame(rows))
                rows = []
        out.write(VERDICTS.frame(rows))
    counts = {name: verdicts[name] for name in VERDICT_NAMES}
    return Outcome(out.rows, counts, _notes(run, reasons))


def _work(run: Run, tasks: dict[str, dict[str, Any]]) -> Iterator[tuple[str, Item | Grade]]:
    columns = ("trace_id", "task_id", "response", "finish_reason", "error")
    for part in run.parts(TRACES):
        for trace in part.select(columns).iter_rows(named=True):
            yield trace["trace_id"], prepared(tasks.get(trace["task_id"]), trace)


def prepared(task: dict[str, Any] | None, trace: dict[str, Any]) -> Item | Grade:
    """What a grader has to decide about a trace, or the grade where there is nothing to decide.

    Takes the task's question, answer, verifier and metadata, and the trace's response, finish_reason and error.
    """
    if trace["error"] is not None:
        return ungradable("the request failed")  # why stands in traces.error, which is not published
    if task is None:
        return ungradable("the trace's task is not in the tasks table")
    if task["verifier"] not in BOUNDED | PLAIN:
        return ungradable(f"there is no verifier '{task['verifier']}'")
    response, cut = trace["response"] or "", trace["finish_reason"] == "length"
    item = _item(task, response, cut)
    if item is None:
        return Grade("truncated") if cut else no_answer()
    if len(item.answer) > MAX_ANSWER:
        return ungradable(f"answer of {len(item.answer):,} characters", item.answer[:MAX_ANSWER])
    return item if item.verifier in BOUNDED else grade(item)


def _item(task: dict[str, Any], response: str, cut: bool) -> Item | None:
    """The stated answer, or the last line where it may hold one; None where the response has no answer."""
    known = {"verifier": task["verifier"], "question": task["question"], "gold": task["answer"]}
    answer = stated(response, cut=cut)
    if answer is not None:
        return Item(**known, metadata=task["metadata"], answer=answer)
    line = last_line(response)
    if cut or not line:
        return None
    whole = line == response.strip() and len(line) <= _ONE_LINE
    if not whole and task["verifier"] in ("exact", "gym"):
        return None  # any sentence would pass for an answer
    return Item(**known, metadata=task["metadata"], answer=line[-MAX_ANSWER:], stated=False)


def _row(trace_id: str, graded: Grade) -> dict[str, Any]:
    return {
        "trace_id": trace_id,
        "verdict": graded.verdict,
        "extracted_answer": graded.answer,
        "score": graded.score,
        "detail": graded.detail,
    }


def _kind_of(detail: str) -> str:
    """A reason without what differs from trace to trace, for counting."""
    return re.sub(r"\d[\d,.]*", "N", detail)[:80]


def _notes(run: Run, reasons: Counter[str]) -> list[str]:
    if not reasons:
        return []
    total = reasons.total()
    commonest = "; ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(_REASONS_SHOWN))
    return [
        f"{total:,} trace{'s' if total > 1 else ''} could not be graded ({commonest}); "
        f"`detail` in {run.path / VERDICTS.name} says why, trace by trace, where verdict is ungradable"
    ]


STAGE = Stage("verify", (VERDICTS.name,), (TASKS.name, TRACES.name), 2, _part, _make)
