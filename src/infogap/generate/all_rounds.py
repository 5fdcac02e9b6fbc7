"""Fill all rounds of a run: the recipe's, each of which depends on earlier verdicts, and then those of a top-up.

Before a round, models write the critiques and lessons that its contexts show, in waves of requests of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import count, islice

from infogap.generate.answering_teacher import OneOpenTeacher, answering_teachers
from infogap.generate.cell_requests import MoreSamples
from infogap.generate.earlier_rounds import EarlierRounds
from infogap.generate.fill_round import Sending, fill_round
from infogap.generate.note_book import NoteBook
from infogap.generate.note_plan import NotePlan
from infogap.generate.note_summary import check_written
from infogap.generate.request_plan import Plan, context_writer
from infogap.generate.teacher_batches import BatchesByTeacher
from infogap.generate.top_up_plan import TopUpPlan, TopUpRound
from infogap.generate.trace_files import Rounds, Row, part_number
from infogap.generate.trace_store import failed_teachers, round_parts
from infogap.interrupts import Stopping
from infogap.progress import Advance, progress
from infogap.recipe.generate_section import Generate
from infogap.runs.run_folder import Run, TableWriter, read_part
from infogap.schema import CONTEXTS, SHOWN_NOTES, TRACES, VERDICTS
from infogap.verify.grade_run import by_id, grade_run, tasks_to_grade
from infogap.verify.grading_settings import grading_settings
from infogap.verify.round_verdicts import (
    drop_outdated_round_verdicts,
    drop_round_verdicts,
    is_graded,
    write_round_verdicts,
)


@dataclass(frozen=True)
class Filled:
    """What was filled: the recipe's last plan, which has no requests left, and the number of rounds and of waves."""

    last: Plan
    rounds: int
    waves: int = 0
    notes: NoteBook | None = None


def fill_rounds(run: Run, generate: Generate, opened: OneOpenTeacher, stop: Stopping, tags: Counter[str]) -> Filled:
    """Fill round after round until one has no requests.

    `tags` counts which tags split new answers into thought and response.
    """
    top_up_rounds = TopUpPlan.read(run).rounds_to_fill
    shown_notes = run.rewrite(SHOWN_NOTES) if generate.shows_notes else nullcontext()
    with run.rewrite(CONTEXTS) as contexts, shown_notes as shown:
        filling = _Filling(run, generate, opened, stop, tags, contexts, shown)
        last, rounds = filling.of_recipe()
        if not failed_teachers(run.path / TRACES.name):
            for each in top_up_rounds:
                rounds = filling.of_top_up(each, rounds)
    return Filled(last, rounds, filling.waves, filling.notes)


class _Filling:
    """Fills rounds; holds what all rounds of a command share."""

    def __init__(
        self,
        run: Run,
        generate: Generate,
        opened: OneOpenTeacher,
        stop: Stopping,
        tags: Counter[str],
        contexts: TableWriter,
        shown_notes: TableWriter | None = None,
    ) -> None:
        self._run, self._in_rounds, self._folder = run, generate.in_rounds, run.path / TRACES.name
        spending = run.budget.spending
        batches = BatchesByTeacher(run.path, spending, tags)
        self._sending = Sending(opened, batches, spending, stop, tags, run.wait)
        self._contexts, self._shown_notes = contexts, shown_notes
        self._writer, self._teachers = context_writer(run), answering_teachers(run)
        self.notes = NoteBook(run, self._teachers) if generate.shows_notes else None
        self.waves = 0  # of notes, that are written

    def of_recipe(self) -> tuple[Plan, int]:
        """Fill the recipe's rounds; return the last plan, and the number of rounds."""
        if not self._in_rounds:
            drop_round_verdicts(self._folder)
        for round_ in count():
            plan = self._plan(round_, EarlierRounds(self._run, before=round_) if self._in_rounds else None)
            if round_ and not plan.total:
                return plan, round_
            self._fill(plan)
            if not self._in_rounds or (round_ == 0 and failed_teachers(self._folder, round_)):
                return plan, round_ + 1
            _grade(self._run, plan, self._sending.stop)
        raise AssertionError("rounds end")

    def of_top_up(self, top_up: TopUpRound, first: int) -> int:
        """Fill one round of a top-up, and the verifier's turns that follow from it; return the number of rounds so far.

        `first` is the number of the round in which its samples begin.
        """
        samples = {teacher.name: dict[tuple[str, str], int]() for teacher in self._teachers}
        for (teacher, privilege, task_id), number in top_up.samples.items():
            samples[teacher][task_id, privilege] = number
        for round_ in count(first):
            more = {name: MoreSamples(own if round_ == first else {}, first) for name, own in samples.items()}
            plan = self._plan(round_, EarlierRounds(self._run, before=round_), more)
            if not plan.total:
                return round_
            self._fill(plan)
            if not self._in_rounds:
                return round_ + 1
            _grade(self._run, plan, self._sending.stop)
        raise AssertionError("rounds end")

    def _plan(self, round_: int, earlier: EarlierRounds | None, more: Mapping[str, MoreSamples] | None = None) -> Plan:
        plan = Plan(self._run, round_, earlier, self._writer, self._teachers, more, self.notes)
        if self.notes is not None:
            self._write_notes(plan, self.notes)
        plan.settle(self._contexts, self._shown_notes)
        return plan

    def _write_notes(self, plan: Plan, notes: NoteBook) -> None:
        """Write what a round's contexts show, wave by wave: a later wave replaces notes that cannot be used."""
        while True:
            notes.read(self.waves)
            wave = NotePlan(plan, notes, self.waves)
            wave.settle()
            if not wave.total:
                wave.finish()
                return
            fill_round(notes.folder, wave, self._sending)
            check_written(notes.folder)
            self.waves += 1

    def _fill(self, plan: Plan) -> None:
        fill_round(self._folder, plan, self._sending)


def _grade(run: Run, plan: Plan, stop: Stopping) -> None:
    """Grade a round's traces, on which the next round depends, and store the verdicts part by part."""
    folder = run.path / TRACES.name
    drop_outdated_round_verdicts(folder, grading_settings(run))
    paths = [path for path in round_parts(folder, plan.round) if not is_graded(path)]
    if not paths:
        return
    sizes = [Rounds.read(folder).rows_of(part_number(path)) for path in paths]
    tasks = by_id(tasks_to_grade(run))
    parts = ((read_part(path, TRACES), VERDICTS.empty()) for path in paths)
    verdicts = grade_run(run, tasks, parts, stop)
    with closing(verdicts), progress("grade", sum(sizes), "traces") as advance:
        for path, size in zip(paths, sizes, strict=True):
            write_round_verdicts(path, _advancing(islice(verdicts, size), advance))


def _advancing(rows: Iterable[Row], advance: Advance) -> Iterator[Row]:
    for row in rows:
        yield row
        advance(1)
