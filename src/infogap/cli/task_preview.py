"""Preview a few tasks of a run as they were read, before anything is generated."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from infogap.ids import digest
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES
from infogap.tasks.task_checks import SolutionAgreement, solution_agreement

_TASKS = 3
_QUESTION, _LINE = 300, 200  # characters shown: of the end of a question; of any other text
_NAME = 19  # characters of the names before the texts, at least


@dataclass(frozen=True)
class PreviewedTask:
    """A task as read; `contexts` holds what each privilege would show, or why it cannot."""

    task_id: str
    source: str
    verifier: str
    question: str
    answer: str | None
    options: dict[str, str] = field(default_factory=dict)
    contexts: dict[str, str] = field(default_factory=dict)
    trace: dict[str, str] = field(default_factory=dict)  # of an import: the first trace in its two parts


@dataclass(frozen=True)
class Preview:
    """Some tasks, drawn by the recipe's seed, one of each source first; and whether solutions agree with answers."""

    tasks: list[PreviewedTask]
    solutions: SolutionAgreement | None

    def as_json(self) -> dict[str, Any]:
        solutions = {} if self.solutions is None else {"solutions": self.solutions.as_json()}
        return {"examples": [asdict(task) for task in self.tasks]} | solutions

    def lines(self) -> list[str]:
        """Format the preview as lines of text."""
        lines = []
        for task in self.tasks:
            named = {
                "question": _end(task.question, _QUESTION),
                "answer": _line(task.answer) if task.answer is not None else "(no gold answer)",
                "options": "; ".join(f"{letter}: {text}" for letter, text in task.options.items()),
                **{f"under {label}": text for label, text in task.contexts.items()},
                **task.trace,
            }
            width = max(_NAME, *map(len, named))
            lines += ["", f"task {task.task_id} of {task.source}, graded by {task.verifier}"]
            lines += [f"  {name:<{width}} {text}" for name, text in named.items() if text]
        return lines if self.solutions is None else [*lines, "", *self.solutions.lines()]


def preview(run: Run) -> Preview:
    """Preview a run's tasks. Its tasks table must exist; of an import, traces are shown too if they exist."""
    tasks = run.scan(TASKS).collect().to_dicts()
    chosen = _spread(tasks, run.recipe.seed)
    contexts = _contexts(run, chosen)
    traces = _traces(run, [task["task_id"] for task in chosen]) if run.recipe.imports else {}
    previewed = [
        PreviewedTask(
            task["task_id"],
            task["source"],
            task["verifier"],
            task["question"],
            task["answer"],
            _options(task),
            contexts.get(task["task_id"], {}),
            traces.get(task["task_id"], {}),
        )
        for task in chosen
    ]
    return Preview(previewed, solution_agreement(run))


def _spread(tasks: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Choose some tasks: the first drawn of each source, then others."""
    drawn = sorted(tasks, key=lambda task: digest([seed, task["task_id"]]))
    firsts = list({task["source"]: task for task in reversed(drawn)}.values())
    firsts.sort(key=drawn.index)
    return [*firsts, *(task for task in drawn if task not in firsts)][:_TASKS]


def _options(task: dict[str, Any]) -> dict[str, str]:
    from infogap.text.option_parser import options
    from infogap.verify.verifiers import verifier

    return options(task["question"]) if verifier(task["verifier"]).needs_options else {}


def _contexts(run: Run, tasks: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Write what each privilege of the recipe would show for each task."""
    if run.recipe.generate is None:
        return {}
    from infogap.generate.request_plan import context_writer
    from infogap.privileges.base import UnmetNeedError

    writer = context_writer(run)
    by_task: dict[str, dict[str, str]] = {}
    for task in tasks:
        texts = {}
        for use in run.recipe.generate.uses:
            if use.attempts is not None or use.notes is not None:
                what = "notes from attempts" if use.notes == "lesson" else "attempts"
                texts[use.label] = f"({what} under {use.source})"
                continue
            try:
                texts[use.label] = _line(writer.write(task, use).text) or "(nothing)"
            except UnmetNeedError as reason:
                texts[use.label] = f"(skipped: {reason})"
        by_task[task["task_id"]] = texts
    return by_task


def _traces(run: Run, task_ids: list[str]) -> dict[str, dict[str, str]]:
    """Return the first trace of each task, in its two parts."""
    traces = run.scan(TRACES).filter(pl.col("task_id").is_in(task_ids)).sort("trace_id").collect()
    first = traces.unique("task_id", keep="first", maintain_order=True)
    return {
        row["task_id"]: {"thought": _line(row["reasoning"]) or "(none)", "response": _end(row["response"], _LINE)}
        for row in first.iter_rows(named=True)
    }


def _line(text: str | None) -> str:
    """Shorten a text to its beginning, in one line."""
    line = " ".join((text or "").split())
    return line if len(line) <= _LINE else f"{line[: _LINE - 3]}..."


def _end(text: str, most: int) -> str:
    """Shorten a text to its end, in one line: a leftover instruction shows there."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"...{line[3 - most :]}"
