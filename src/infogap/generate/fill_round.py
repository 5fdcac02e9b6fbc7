"""Fill a round: send what is not on disk yet, teacher by teacher, and store the answers as they arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from infogap.console import say
from infogap.errors import ExternalError, StoppedError
from infogap.generate.answer_rows import answer_of, place_of
from infogap.generate.answering_teacher import AnsweringTeacher, OneOpenTeacher, TeacherFailedError, named_failures
from infogap.generate.batch_records import BatchFolder
from infogap.generate.batch_waiting import in_flight_in_words
from infogap.generate.fill_by_batches import BatchFilling
from infogap.generate.missing_requests import missing_requests, no_progress
from infogap.generate.request_plan import Planned, SettledPlan
from infogap.generate.teacher_batches import BatchesByTeacher
from infogap.generate.trace_store import TraceStore, answered
from infogap.interrupts import Stopping
from infogap.progress import Advance, progress
from infogap.runs.budget import Spending
from infogap.schema import NOTES, TRACES
from infogap.teachers import Completion, Request


@dataclass(frozen=True)
class Sending:
    """What all rounds of one command share."""

    opened: OneOpenTeacher
    batches: BatchesByTeacher
    spending: Spending
    stop: Stopping
    tags: Counter[str]  # that split thoughts from responses
    wait: bool = True  # for batches


def fill_round(folder: Path, plan: SettledPlan, sending: Sending) -> None:
    """Request a round's traces until all are on disk.

    Batches are submitted first, then the other teachers answer, then the batches are waited for. If one of several
    teachers fails, the others still answer before its error is raised. Raises StoppedError if the command ends before
    every request is answered.
    """
    teachers = [each.teacher for each in plan.teachers]
    totals = {each.teacher.name: each.total for each in plan.teachers} if len(teachers) > 1 else None
    with_tokens = plan.keeps_tokens and any(teacher.with_tokens for teacher in teachers)
    store = TraceStore(folder, plan.key, plan.total, round_=plan.round, with_tokens=with_tokens, by_teacher=totals)
    if store.complete:
        return
    stop, spending = sending.stop, sending.spending
    work = _Work(plan, store, sending)
    failed: list[TeacherFailedError] = []
    steps = work.steps()
    for place, (number, step) in enumerate(steps):
        if number in work.given_up:
            continue
        try:
            step(number)
        except TeacherFailedError as error:
            failed.append(error)
            work.given_up.add(number)
            if any(other not in work.given_up for other, _ in steps[place + 1 :]):
                say(f"{error}; continuing with the next teacher", style="yellow")
        if stop.asked:
            break
    left = {
        each.teacher.name: each.total - store.done_of(range(each.first, each.first + each.total))
        for each in plan.teachers
    }
    if not any(left.values()):
        return
    if stop.asked:
        raise stopped(folder, "as asked")
    if failed:
        raise failed[0] if len(failed) == 1 else ExternalError("\n".join(map(str, failed)))
    if not sending.wait and sending.batches.in_flight:
        raise stopped(folder, "without waiting")
    if refused := work.refused or spending.spent:
        raise stopped(folder, f"at {refused}")
    unanswered = ", ".join(f"{name} left {count:,}" for name, count in left.items() if count)
    raise ExternalError(f"{unanswered} requests without an answer")


def stopped(folder: Path, why: str) -> StoppedError:
    """Make the error that ends a command before every request is answered; `folder` is in the run's folder."""
    run = folder.parent
    counts = [answered(run / table.name) or (0, 0) for table in (TRACES, NOTES)]
    done, total = map(sum, zip(*counts, strict=True))
    in_flight = in_flight_in_words(BatchFolder(run))
    more = f"; {in_flight}" if in_flight else ""
    return StoppedError(
        f"stopped {why}: {done:,} of the {total:,} requests planned so far are answered and on disk{more}; "
        "the same command continues from there"
    )


class _Work:
    """The steps that fill a round: live teachers answer in one step, those in batches have two."""

    def __init__(self, plan: SettledPlan, store: TraceStore, sending: Sending) -> None:
        self.given_up: set[int] = set()  # numbers of teachers that failed
        self._plan, self._store, self._sending = plan, store, sending
        self._filling: dict[int, BatchFilling] = {}

    @property
    def refused(self) -> str | None:
        """The budget that keeps a request of a batch from being sent, in words."""
        return next((each.refused for each in self._filling.values() if each.refused), None)

    def steps(self) -> list[tuple[int, Callable[[int], None]]]:
        """Return the steps, each with its teacher's number in the plan."""
        teachers = [each.teacher for each in self._plan.teachers]
        in_batches = [number for number, teacher in enumerate(teachers) if teacher.in_batches]
        live = [number for number in range(len(teachers)) if number not in in_batches]
        live.sort(key=lambda number: teachers[number].name != self._sending.opened.name)
        return [
            *((number, self._submit) for number in in_batches),
            *((number, self._answer) for number in live),
            *((number, self._finish) for number in in_batches),
        ]

    def _submit(self, number: int) -> None:
        if self._is_done(number):
            return
        teacher, sending = self._plan.teachers[number].teacher, self._sending
        with named_failures(teacher):
            batches = sending.batches.of(teacher)
            filling = BatchFilling(self._plan, number, self._store, batches, sending.spending, sending.stop)
            self._filling[number] = filling
            filling.submit(wait=sending.wait)

    def _finish(self, number: int) -> None:
        if number in self._filling:
            with named_failures(self._plan.teachers[number].teacher):
                self._filling[number].finish(wait=self._sending.wait)

    def _answer(self, number: int) -> None:
        """Send a live teacher's requests, and store its answers."""
        if self._is_done(number):
            return
        to_teacher, sending = self._plan.teachers[number], self._sending
        teacher = to_teacher.teacher
        with named_failures(teacher):
            if sending.batches.collect_before_live(teacher, sending.stop):
                self._store.reread_cache()
                missing = missing_requests(self._plan, number, self._store, no_progress)
                sending.batches.check_not_in_flight(teacher, (planned.request.request_id for planned in missing))
        done = self._store.done_of(range(to_teacher.first, to_teacher.first + to_teacher.total))
        what = f"{self._plan.what}, {teacher.name}" if teacher.named else self._plan.what
        in_flight: dict[str, Planned] = {}
        with progress(what, to_teacher.total, "traces", done=done) as advance:
            requests = self._unanswered(number, in_flight, advance)
            for completion in sending.opened.answers(teacher, requests, sending.stop):
                planned = in_flight.pop(completion.request_id)
                self._store.add(planned.index, place_of(planned) | answer_of(planned.teacher, completion))
                sending.spending.answer(completion.prompt_tokens, _tokens_spent(completion, teacher))
                sending.tags.update(completion.tags)
                advance(1, tokens=completion.completion_tokens or 0)

    def _is_done(self, number: int) -> bool:
        each = self._plan.teachers[number]
        return self._store.done_of(range(each.first, each.first + each.total)) == each.total

    def _unanswered(self, number: int, in_flight: dict[str, Planned], advance: Advance) -> Iterator[Request]:
        """Yield a teacher's requests that are not on disk, as far as the budget allows."""
        for planned in missing_requests(self._plan, number, self._store, advance):
            if self._sending.stop.asked or not self._sending.spending.request():
                return
            in_flight[planned.request.request_id] = planned
            yield planned.request


def _tokens_spent(completion: Completion, teacher: AnsweringTeacher) -> int:
    """Return the tokens of an answer: the maximum, if the server does not report them."""
    if completion.completion_tokens is None and completion.error is None:
        return teacher.most_tokens
    return completion.completion_tokens or 0
