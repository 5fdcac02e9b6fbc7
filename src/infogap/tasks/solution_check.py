"""Check that worked solutions end in the gold answers of their tasks: a wrongly mapped column shows at once."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.console import progress
from infogap.ids import digest
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES, VERDICTS

MOST = 2_000  # solutions graded; from more, a sample is drawn
_DOUBTFUL = 0.5  # share of agreeing solutions below which the columns look wrong
_SHOWN = 3


@dataclass(frozen=True)
class SolutionAgreement:
    """Verdicts on the final answers of worked solutions."""

    solutions: int  # that tasks with a gold answer have
    graded: int
    verdicts: dict[str, int]
    wrong: list[dict[str, Any]]  # a few: task_id, answer and what the solution ends in

    @property
    def doubtful(self) -> bool:
        """Whether fewer than half of those that state an answer agree."""
        stated = self.verdicts.get("correct", 0) + self.verdicts.get("wrong", 0)
        return self.verdicts.get("correct", 0) < _DOUBTFUL * stated or not stated

    def lines(self) -> list[str]:
        """Return the summary as lines of text."""
        of = f"{self.graded:,} of {self.solutions:,} drawn" if self.graded < self.solutions else f"{self.graded:,}"
        others = {
            "wrong": "end in another answer",
            "no_answer": "state none",
            "truncated": "are cut off",
            "ungradable": "could not be graded",
        }
        counts = [f"{self.verdicts[name]:,} {text}" for name, text in others.items() if self.verdicts.get(name)]
        agree = self.verdicts.get("correct", 0)
        lines = [
            f"worked solutions: {agree:,} of {of} end in the gold answer" + "".join(f"; {text}" for text in counts)
        ]
        lines += [
            f"  task {row['task_id']}: its solution ends in {row['extracted_answer']}, gold is {row['answer']}"
            for row in self.wrong
        ]
        if self.doubtful:
            lines.append("  so few that `answer` or `solution` may be mapped to another column than is meant")
        return lines

    def as_json(self) -> dict[str, Any]:
        return {"solutions": self.solutions, "graded": self.graded, "verdicts": self.verdicts, "wrong": self.wrong}


def solution_agreement(run: Run) -> SolutionAgreement | None:
    """Grade the worked solutions of a run's tasks as if they were traces; None where no task has one.

    A gold answer that is the whole solution itself says nothing and is left out.
    """
    from infogap.verify.grade_traces import grade_traces, tasks_by_id

    known = pl.col("solution").is_not_null() & pl.col("answer").is_not_null() & (pl.col("solution") != pl.col("answer"))
    tasks = run.scan(TASKS).filter(known).select("task_id", "solution", "answer").sort("task_id").collect()
    if not tasks.height:
        return None
    drawn = tasks
    if tasks.height > MOST:
        chosen = sorted(tasks["task_id"], key=lambda task_id: digest([run.recipe.seed, task_id]))[:MOST]
        drawn = tasks.filter(pl.col("task_id").is_in(chosen))
    traces = TRACES.frame([_as_trace(row) for row in drawn.iter_rows(named=True)])
    answers = dict(zip(drawn["task_id"], drawn["answer"], strict=True))
    verdicts = Counter[str]()
    wrong: list[dict[str, Any]] = []
    grades = grade_traces(tasks_by_id(run), [(traces, VERDICTS.empty())], run.base)
    with closing(grades), progress("solutions", drawn.height, "solutions") as advance:
        for grade in grades:
            verdicts[grade["verdict"]] += 1
            if grade["verdict"] == "wrong" and len(wrong) < _SHOWN:
                task_id = grade["trace_id"]
                wrong.append(
                    {"task_id": task_id, "answer": answers[task_id], "extracted_answer": grade["extracted_answer"]}
                )
            advance()
    return SolutionAgreement(tasks.height, drawn.height, dict(sorted(verdicts.items())), wrong)


def _as_trace(task: dict[str, Any]) -> dict[str, Any]:
    empty = dict.fromkeys(TRACES.schema)
    return empty | {
        "trace_id": task["task_id"],
        "task_id": task["task_id"],
        "reasoning": "",
        "response": task["solution"],
        "finish_reason": "stop",
    }
