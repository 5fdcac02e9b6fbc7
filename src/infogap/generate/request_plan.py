"""What is asked of the teacher: every request of one round, in a fixed order, with its id and seed."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from infogap.generate.cell_requests import Ask, Made
from infogap.generate.earlier_rounds import Past
from infogap.generate.schedule import Cell, Schedule
from infogap.ids import derived_seed, stable_id
from infogap.privileges.contexts import Context, ContextWriter, teacher_prompt
from infogap.privileges.decoys import Decoys
from infogap.recipe.generate_section import Generate
from infogap.runs.run_folder import Run, TableWriter
from infogap.schema import CONTEXTS, TASKS
from infogap.teachers.base import Request
from infogap.teachers.model_identity import model_identity

_TASKS_AT_A_TIME = 256  # where attempts are shown: as many tasks' texts are in memory


@dataclass(frozen=True)
class Planned:
    """A request with what its trace's row says besides the answer."""

    index: int  # its place in the round
    request: Request
    task_id: str
    privilege: str
    context_id: str | None
    sample: int
    round: int


class Plan:
    """All requests of a round: made again at every pass rather than held, so that any number fits in memory."""

    def __init__(
        self,
        run: Run,
        teacher_name: str,
        round_: int = 0,
        past: Past | None = None,
        contexts: ContextWriter | None = None,
    ) -> None:
        """`past` is what the rounds before made, None for the first; `contexts` can serve all rounds of a run."""
        recipe = run.recipe
        assert recipe.generate is not None and recipe.teacher is not None
        self._run = run
        self._seed = recipe.seed
        self._generate: Generate = recipe.generate
        self._settings = recipe.teacher.answer_settings | model_identity(run)
        self.teacher_name = teacher_name
        self._contexts = contexts or context_writer(run)
        self._past = past or Past(run, before=0)
        self.round = round_
        self.schedule = Schedule(self._generate, self._contexts)
        self.total = 0
        self.key = ""

    @property
    def skipped(self) -> Counter[tuple[str, str]]:
        """(privilege, reason) -> tasks, as of the last pass."""
        return self.schedule.skipped

    def settle(self, out: TableWriter) -> None:
        """Count the requests and the skipped tasks, and add the contexts that are new to the contexts table.

        `key` becomes a hash of all ids in order: equal keys mean that the same is asked.
        """
        hasher = hashlib.sha256()
        self.total = 0
        rows: list[dict[str, Any]] = []
        for task, cell in self._cells():
            written = {made.context_id for made in cell.made}
            for context, requests in self._prompts(task, cell):
                if context.context_id is not None and context.context_id not in written:
                    rows.append(_context_row(task, cell, context))
                    written.add(context.context_id)
                for _, request in requests:
                    hasher.update(request.request_id.encode())
                    self.total += 1
            if len(rows) >= 1_000:
                out.write(CONTEXTS.frame(rows))
                rows.clear()
        out.write(CONTEXTS.frame(rows))
        self.key = hasher.hexdigest()

    def __iter__(self) -> Iterator[Planned]:
        """The requests: tasks in table order, then privileges, then samples, so that equal prompts are neighbours."""
        index = 0
        for task, cell in self._cells():
            for context, requests in self._prompts(task, cell):
                for ask, request in requests:
                    yield Planned(
                        index, request, task["task_id"], cell.use.label, context.context_id, ask.sample, self.round
                    )
                    index += 1

    def _cells(self) -> Iterator[tuple[dict[str, Any], Cell]]:
        """Every cell with something to ask, the attempts that it shows with their texts."""
        self.schedule.begin()
        tasks = (task for part in self._run.parts(TASKS) for task in part.iter_rows(named=True))
        size = _TASKS_AT_A_TIME if self._generate.in_rounds else 1
        while chunk := list(islice(tasks, size)):
            cells = [
                (task, cell) for task in chunk for cell in self.schedule.cells(task, self._past.of(task["task_id"]))
            ]
            self._texts = self._past.texts(_shown(cells))
            yield from cells

    def _prompts(self, task: dict[str, Any], cell: Cell) -> Iterator[tuple[Context, list[tuple[Ask, Request]]]]:
        """The cell's requests by context: one for all, or one for each attempt that is shown."""
        if cell.context is not None:
            yield cell.context, self._requests(task, cell, cell.context, cell.asks)
            return
        for ask in cell.asks:
            shown = [self._texts[made.trace_id] for made in ask.shown]
            context = self._contexts.write(task, cell.use, shown)
            yield context, self._requests(task, cell, context, [ask])

    def _requests(
        self, task: dict[str, Any], cell: Cell, context: Context, asks: list[Ask]
    ) -> list[tuple[Ask, Request]]:
        prompt = teacher_prompt(task["question"], context.text, self._generate.instruction, self._generate.wording)
        messages = [{"role": "user", "content": prompt}]
        requests = []
        for ask in asks:
            turn = (ask.turn,) if ask.turn else ()
            seed = derived_seed(self._seed, task["task_id"], cell.use.label, ask.sample, *turn)
            request_id = stable_id(self.teacher_name, messages, self._settings, seed)
            requests.append((ask, Request(request_id, messages, seed)))
        return requests


def _shown(cells: list[tuple[dict[str, Any], Cell]]) -> Iterator[Made]:
    return (made for _, cell in cells for ask in cell.asks for made in ask.shown)


def _context_row(task: dict[str, Any], cell: Cell, context: Context) -> dict[str, Any]:
    return {
        "context_id": context.context_id,
        "task_id": task["task_id"],
        "privilege": cell.use.label,
        "text": context.text,
    }


def context_writer(run: Run) -> ContextWriter:
    """What words a run's contexts. Decoys come from the other tasks: held where the recipe has such a control."""
    generate = run.recipe.generate
    assert generate is not None
    rows: list[dict[str, Any]] = []
    if any(use.name.startswith("decoy_") for use in generate.uses):
        rows = run.scan(TASKS).sort("task_id").collect().to_dicts()
    return ContextWriter(generate.wording, Decoys(run.recipe.seed, rows, run.base))
