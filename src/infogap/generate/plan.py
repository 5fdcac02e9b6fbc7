"""What is asked of the teacher: every request of a recipe, in a fixed order, with its id and seed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.errors import UserError
from infogap.ids import derived_seed, stable_id
from infogap.privilege.decoys import Decoys
from infogap.privilege.render import Context, ContextWriter, UnmetNeedError, teacher_prompt
from infogap.recipe.generate import Generate, PrivilegeUse
from infogap.recipe.spelling import nearest
from infogap.run import Run
from infogap.schema import CONTEXTS, TASKS
from infogap.teachers.base import Request
from infogap.teachers.identity import model_identity

_NEEDED_FOR_DECOYS = ("task_id", "family", "question", "answer", "solution", "verifier")


@dataclass(frozen=True)
class Planned:
    """A request with what its trace's row says besides the answer."""

    index: int  # its place in the plan
    request: Request
    task_id: str
    privilege: str
    context_id: str | None
    sample: int


class Plan:
    """All requests of a run: made again at every pass rather than held, so that any number fits in memory."""

    def __init__(self, run: Run, teacher_name: str) -> None:
        recipe = run.recipe
        assert recipe.generate is not None and recipe.teacher is not None
        self._run = run
        self._seed = recipe.seed
        self._generate: Generate = recipe.generate
        self._settings = recipe.teacher.answer_settings | model_identity(run)
        self._teacher_name = teacher_name
        self._contexts = ContextWriter(self._generate.wording, _decoys(run, self._generate))
        self.skipped: Counter[tuple[str, str]] = Counter()  # (privilege, reason) -> tasks
        self.total = 0
        self.key = ""

    def settle(self) -> None:
        """Count the requests and the skipped tasks, and write the contexts table.

        `key` becomes a hash of all ids in order: equal keys mean that the same is asked.
        """
        hasher = hashlib.sha256()
        self.skipped.clear()
        self.total = 0
        with self._run.rewrite(CONTEXTS) as out:
            rows: list[dict[str, Any]] = []
            for task, use, context in self._prompts(self.skipped):
                if context.context_id is not None:
                    rows.append(
                        {
                            "context_id": context.context_id,
                            "task_id": task["task_id"],
                            "privilege": use.label,
                            "text": context.text,
                        }
                    )
                if len(rows) >= 1_000:
                    out.write(CONTEXTS.frame(rows))
                    rows.clear()
                for request in self._requests(task, use, context):
                    hasher.update(request.request_id.encode())
                    self.total += 1
            out.write(CONTEXTS.frame(rows))
        self.key = hasher.hexdigest()

    def __iter__(self) -> Iterator[Planned]:
        """The requests: tasks in table order, then privileges, then samples, so that equal prompts are neighbours."""
        index = 0
        for task, use, context in self._prompts(Counter()):
            for sample, request in enumerate(self._requests(task, use, context)):
                yield Planned(index, request, task["task_id"], use.label, context.context_id, sample)
                index += 1

    def _prompts(self, skipped: Counter[tuple[str, str]]) -> Iterator[tuple[dict[str, Any], PrivilegeUse, Context]]:
        for part in self._run.parts(TASKS):
            for task in part.iter_rows(named=True):
                for use in self._generate.uses:
                    try:
                        yield task, use, self._contexts.write(task, use)
                    except UnmetNeedError as reason:
                        skipped[use.label, str(reason)] += 1

    def _requests(self, task: dict[str, Any], use: PrivilegeUse, context: Context) -> Iterator[Request]:
        prompt = teacher_prompt(task["question"], context.text, self._generate.instruction, self._generate.wording)
        messages = [{"role": "user", "content": prompt}]
        for sample in range(self._generate.samples):
            seed = derived_seed(self._seed, task["task_id"], use.label, sample)
            yield Request(stable_id(self._teacher_name, messages, self._settings, seed), messages, seed)


def _decoys(run: Run, generate: Generate) -> Decoys:
    """Decoys come from the other tasks: held in memory only where the recipe has such a control."""
    if not any(use.name.startswith("decoy_") for use in generate.uses):
        return Decoys(run.recipe.seed, [])
    tasks: pl.DataFrame = run.scan(TASKS).select(_NEEDED_FOR_DECOYS).sort("task_id").collect()
    return Decoys(run.recipe.seed, tasks.to_dicts())


def prompt_of(run: Run, privilege: str, task_id: str | None = None) -> str:
    """What the teacher reads for a task (by default the one with the lowest id) under a privilege of the recipe.

    Raises UserError where the run has no such privilege or task, or the task lacks what it needs.
    """
    generate = run.recipe.generate
    if generate is None:
        raise UserError(f"{run.path} holds imported traces: nothing was asked of a teacher")
    labels = {use.label: use for use in generate.uses}
    if privilege not in labels:
        raise UserError(
            f"the recipe has no privilege '{privilege}'{nearest(privilege, labels)}; it has {', '.join(labels)}"
        )
    wanted = pl.lit(True) if task_id is None else pl.col("task_id") == task_id
    tasks = run.scan(TASKS).filter(wanted).sort("task_id").head(1).collect()
    if tasks.is_empty():
        raise UserError(f"{run.path} has no task {task_id or ''}; `infogap tasks {run.path}` collects them")
    task = tasks.row(0, named=True)
    try:
        context = ContextWriter(generate.wording, _decoys(run, generate)).write(task, labels[privilege])
    except UnmetNeedError as reason:
        raise UserError(f"task {task['task_id']} has no context under {privilege}: {reason}") from None
    return teacher_prompt(task["question"], context.text, generate.instruction, generate.wording)
