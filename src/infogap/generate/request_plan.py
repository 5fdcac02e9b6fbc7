"""Plan a round: every request to the teacher, in a fixed order, with its id, seed and the earlier traces it shows."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import polars as pl

from infogap.generate.cell_requests import Cell, CellRequest, EarlierTrace, Schedule
from infogap.generate.trace_files import Rounds, part_number
from infogap.ids import derived_seed, stable_id
from infogap.privileges.base import Attempt, Task
from infogap.privileges.contexts import Context, ContextWriter, teacher_prompt
from infogap.privileges.decoys import Decoys
from infogap.recipe.generate_section import Generate
from infogap.runs.run_folder import Run, TableWriter, check_part, read_part
from infogap.schema import CONTEXTS, TASKS, TRACES, VERDICTS
from infogap.teachers.base import Request
from infogap.teachers.model_identity import model_identity
from infogap.verify.grade_traces import read_judged

_NARROW = ("trace_id", "task_id", "privilege", "context_id", "sample", "round")
_SCHEMA = pl.Schema(
    {name: TRACES.schema[name] for name in _NARROW} | {"part": pl.Int64(), "verdict": VERDICTS.schema["verdict"]}
)


class EarlierRounds:
    """The traces of the rounds before `before` (None: of all rounds), by task and privilege."""

    def __init__(self, run: Run, before: int | None = None) -> None:
        paths = {part_number(path): path for path in run.part_paths(TRACES)}
        if before is not None:  # parts of later rounds may be of a plan that no longer holds
            first_after = Rounds.read(run.path / TRACES.name).first_part(before)
            paths = {number: path for number, path in paths.items() if number < first_after}
        self._paths = paths
        none = pl.DataFrame(schema=_SCHEMA)
        table = pl.concat([none, *(_narrow(number, path) for number, path in paths.items())])
        self._table = table.sort("task_id", "privilege", "sample", "round")
        runs = self._table["task_id"].rle().struct.unnest()
        starts = runs["len"].cum_sum() - runs["len"]
        self._places = dict(zip(runs["value"], zip(starts, runs["len"], strict=True), strict=True))

    def of(self, task_id: str) -> dict[str, list[EarlierTrace]]:
        """A task's traces by privilege, as the recipe calls it; ordered by sample and round."""
        start, length = self._places.get(task_id, (0, 0))
        by_privilege: dict[str, list[EarlierTrace]] = {}
        for row in self._table[start : start + length].iter_rows(named=True):
            trace = EarlierTrace(
                row["trace_id"], row["context_id"], row["sample"], row["round"], row["verdict"] or "", row["part"]
            )
            by_privilege.setdefault(row["privilege"], []).append(trace)
        return by_privilege

    def texts(self, traces: Iterable[EarlierTrace]) -> dict[str, Attempt]:
        """The texts of traces, by trace_id. Reads only the parts that hold them."""
        texts: dict[str, Attempt] = {}
        wanted = sorted({(trace.part, trace.trace_id, trace.verdict) for trace in traces})
        for part, of_part in groupby(wanted, key=lambda each: each[0]):
            verdicts = {trace_id: verdict for _, trace_id, verdict in of_part}
            rows = read_part(self._paths[part], TRACES).filter(pl.col("trace_id").is_in(list(verdicts)))
            for row in rows.select("trace_id", "reasoning", "response").iter_rows(named=True):
                right = verdicts[row["trace_id"]] == "correct"
                texts[row["trace_id"]] = Attempt(row["reasoning"], row["response"], right)
        return texts


def _narrow(number: int, path: Path) -> pl.DataFrame:
    """A part's traces without their texts, with their verdicts as far as they are given."""
    check_part(path)
    traces = pl.read_parquet(path, columns=list(_NARROW)).with_columns(part=pl.lit(number, pl.Int64))
    verdicts = read_judged(path).select("trace_id", "verdict")
    return traces.join(verdicts, on="trace_id", how="left", maintain_order="left").match_to_schema(_SCHEMA)


_TASKS_AT_A_TIME = 256  # where attempts are shown: for so many tasks their texts are in memory


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
    """All requests of a round: derived anew at every pass rather than held, so that any number fits in memory."""

    def __init__(
        self,
        run: Run,
        teacher_name: str,
        round_: int = 0,
        earlier: EarlierRounds | None = None,
        contexts: ContextWriter | None = None,
    ) -> None:
        """`earlier` holds the rounds before, None for the first; `contexts` can serve all rounds of a run."""
        recipe = run.recipe
        assert recipe.generate is not None and recipe.teacher is not None
        self._run = run
        self._seed = recipe.seed
        self._generate: Generate = recipe.generate
        self._settings = recipe.teacher.answer_settings | model_identity(run)
        self.teacher_name = teacher_name
        self._contexts = contexts or context_writer(run)
        self._earlier = earlier or EarlierRounds(run, before=0)
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

        `key` becomes a hash of all ids in order: plans with equal keys have the same requests.
        """
        hasher = hashlib.sha256()
        self.total = 0
        rows: list[dict[str, Any]] = []
        for task, cell in self._cells():
            written = {trace.context_id for trace in cell.earlier}
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
                for sample, request in requests:
                    yield Planned(
                        index, request, task["task_id"], cell.use.label, context.context_id, sample, self.round
                    )
                    index += 1

    def _cells(self) -> Iterator[tuple[Task, Cell]]:
        """Every cell with requests due; `_texts` has the attempts that it shows."""
        self.schedule.begin()
        tasks = (task for part in self._run.parts(TASKS) for task in part.iter_rows(named=True))
        size = _TASKS_AT_A_TIME if self._generate.in_rounds else 1
        while chunk := list(islice(tasks, size)):
            cells = [
                (task, cell) for task in chunk for cell in self.schedule.cells(task, self._earlier.of(task["task_id"]))
            ]
            self._texts = self._earlier.texts(_attempts(cells))
            yield from cells

    def _prompts(self, task: Task, cell: Cell) -> Iterator[tuple[Context, list[tuple[int, Request]]]]:
        """The cell's requests by context, each with its sample: one context for all, or one for each request."""
        if cell.context is not None:
            yield cell.context, self._requests(task, cell, cell.context, cell.requests)
            return
        for due in cell.requests:
            attempts = [self._texts[trace.trace_id] for trace in due.attempts]
            context = self._contexts.write(task, cell.use, attempts)
            yield context, self._requests(task, cell, context, [due])

    def _requests(
        self, task: Task, cell: Cell, context: Context, requests_due: list[CellRequest]
    ) -> list[tuple[int, Request]]:
        prompt = teacher_prompt(task["question"], context.text, self._generate.instruction, self._generate.wording)
        messages = [{"role": "user", "content": prompt}]
        requests = []
        for due in requests_due:
            turn = (due.turn,) if due.turn else ()
            seed = derived_seed(self._seed, task["task_id"], cell.use.label, due.sample, *turn)
            request_id = stable_id(self.teacher_name, messages, self._settings, seed)
            requests.append((due.sample, Request(request_id, messages, seed)))
        return requests


def _attempts(cells: list[tuple[Task, Cell]]) -> Iterator[EarlierTrace]:
    return (trace for _, cell in cells for due in cell.requests for trace in due.attempts)


def _context_row(task: Task, cell: Cell, context: Context) -> dict[str, Any]:
    return {
        "context_id": context.context_id,
        "task_id": task["task_id"],
        "privilege": cell.use.label,
        "text": context.text,
    }


def context_writer(run: Run) -> ContextWriter:
    """What words a run's contexts. Where a privilege takes them from other tasks, all tasks are held in memory."""
    generate = run.recipe.generate
    assert generate is not None
    rows: list[dict[str, Any]] = []
    if any(use.privilege.from_other_tasks for use in generate.uses):
        rows = run.scan(TASKS).sort("task_id").collect().to_dicts()
    return ContextWriter(generate.wording, Decoys(run.recipe.seed, rows, run.base))
