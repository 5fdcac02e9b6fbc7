"""The tasks that lessons are drawn from, and which lessons a task is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from infogap.dedupe.question_clusters import question_clusters
from infogap.generate.earlier_rounds import EarlierRounds, EarlierTrace
from infogap.ids import digest
from infogap.privileges.base import Attempt, Note, Task
from infogap.runs.run_folder import Run
from infogap.schema import TASKS
from infogap.tasks.held_out_tasks import families_held_out

_WORD = re.compile(r"[^\W\d_]{2,}")


@dataclass(frozen=True)
class PoolTask:
    """A task with attempts at it: a right one, a wrong one, or both."""

    task: Task
    attempts: tuple[Attempt, ...]

    @property
    def right(self) -> str:
        return next((attempt.response for attempt in self.attempts if attempt.right), "")

    @property
    def wrong(self) -> str:
        return next((attempt.response for attempt in self.attempts if not attempt.right), "")


class LessonTasks:
    """The tasks of a run, in the order in which they are taken into a pool, with their clusters of near-duplicates."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._tasks = run.scan(TASKS).select("task_id", "family", "question").collect().sort("task_id")

    @cached_property
    def _clusters(self) -> dict[str, int]:
        first = question_clusters(self._tasks["question"].to_list()).first
        return dict(zip(self._tasks["task_id"], first.tolist(), strict=True))

    @cached_property
    def _in_order(self) -> list[str]:
        """The ids of the tasks that may be drawn from: those of held-out families may not."""
        held_out = families_held_out(self._run.recipe, self._tasks["family"].unique())
        ids = self._tasks.filter(~pl.col("family").is_in(held_out).fill_null(value=False))["task_id"]
        return sorted(ids, key=lambda task_id: digest(("lessons", self._run.recipe.seed, task_id)))

    def may_show(self, lesson: Note, task: Task) -> bool:
        """Return True if a lesson's task is neither this one nor a near-duplicate of it."""
        return self._clusters[lesson.task_id] != self._clusters[task["task_id"]]

    def pool(self, earlier: EarlierRounds, source: str, teacher: str | None, size: int) -> list[PoolTask]:
        """Return the first `size` tasks at which a teacher has right or wrong attempts under the privilege `source`.

        Of each kind the first attempt is taken. `teacher` is the name of one of several teachers.
        """
        chosen: dict[str, list[EarlierTrace]] = {}
        for task_id in self._in_order:
            if len(chosen) == size:
                break
            traces = sorted(earlier.of(task_id, teacher).get(source, []), key=lambda each: (each.sample, each.round))
            firsts = (next((each for each in traces if each.verdict == kind), None) for kind in ("correct", "wrong"))
            if attempts := [each for each in firsts if each is not None]:
                chosen[task_id] = attempts
        texts = earlier.texts(trace for traces in chosen.values() for trace in traces)
        rows = self._run.scan(TASKS).filter(pl.col("task_id").is_in(list(chosen))).collect()
        tasks = {row["task_id"]: row for row in rows.iter_rows(named=True)}
        return [
            PoolTask(tasks[task_id], tuple(texts[trace.trace_id] for trace in traces))
            for task_id, traces in chosen.items()
        ]


def in_order_of_choice(lessons: Sequence[tuple[Note, str]], task: Task, seed: int, *, similar: bool) -> Iterable[Note]:
    """Return lessons, each given with the question of its task, in the order in which a task is shown them.

    `similar`: by the share of words that the two questions have in common (Jaccard), and then, as for all others, by a
    hash of the seed and both tasks.
    """
    asked = _words(task["question"]) if similar else frozenset[str]()

    def rank(lesson: tuple[Note, str]) -> tuple[float, str]:
        note, question = lesson
        words = _words(question) if similar else frozenset[str]()
        share = len(asked & words) / len(asked | words) if asked and words else 0.0
        return -share, digest(("lesson", seed, task["task_id"], note.task_id))

    return (note for note, _ in sorted(lessons, key=rank))


def _words(question: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(question))
