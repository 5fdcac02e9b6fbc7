"""Decide which samples of each task, under each privilege, come next: the requests of one round.

A cell is one task under one privilege. Its next requests depend only on the traces and verdicts of earlier rounds, so
neither the order in which answers arrive nor a resumed run makes a difference.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from infogap.generate.earlier_rounds import EarlierTrace
from infogap.generate.note_book import TeacherNotes
from infogap.privileges.base import Task, UnmetNeedError
from infogap.privileges.contexts import Context, ContextWriter, unmet_need
from infogap.recipe.generate_section import Generate, Select, Until
from infogap.recipe.privilege_entries import AttemptKind, PrivilegeUse
from infogap.verify.pass_rate_filter import GRADED, SELECTED, decision


@dataclass(frozen=True)
class CellRequest:
    """One request: the cell's `sample`, its `turn` in a chain of attempts, and the attempts that its prompt shows."""

    sample: int
    turn: int = 0
    attempts: tuple[EarlierTrace, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One task under one privilege, with the requests due and the traces that it already has.

    All its requests share `context`; it is None if each shows its own attempts.
    """

    use: PrivilegeUse
    requests: list[CellRequest]
    earlier: list[EarlierTrace]
    context: Context | None


class Schedule:
    """Decides, task by task, what is due under each of a teacher's privileges; counts what is skipped, and why."""

    def __init__(
        self,
        generate: Generate,
        contexts: ContextWriter,
        uses: Sequence[PrivilegeUse],
        notes: TeacherNotes | None = None,
    ) -> None:
        """`uses`: the privileges under which the teacher answers, each after the one whose attempts it shows.

        `notes`: those that contexts of this teacher show; without them, nothing is due under privileges that need any.
        """
        self._generate = generate
        self._uses, self._unguided = uses, generate.unguided
        self._contexts, self._notes = contexts, notes
        self.open: set[str] = set()  # privileges under which some task has requests due, or waits for others
        self.skipped: Counter[tuple[str, str]] = Counter()  # (privilege, reason) -> tasks
        self.selected: Counter[str] = Counter()  # "selected" or why not -> tasks

    def begin(self) -> None:
        """Forget the counts of an earlier pass."""
        self.open.clear()
        self.skipped.clear()
        self.selected.clear()

    def cells(self, task: Task, earlier: dict[str, list[EarlierTrace]]) -> Iterator[Cell]:
        """Yield the task's cells with requests due in this round, given its traces of earlier rounds by privilege.

        A privilege that shows attempts waits until the one under which they are written is complete.
        """
        if self._generate.select is not None:
            probe = self._probe(task, earlier)
            if probe is not None:
                self.open.add(probe.use.label)
                yield probe
                return
            decided = _decision(self._generate.select, earlier.get(self._unguided.label, []))
            self.selected[decided] += 1
            if decided != SELECTED:
                return
        open_labels: set[str] = set()
        for use in self._uses:
            if use.source in open_labels or self._waits_for_lessons(use):
                open_labels.add(use.label)
                continue
            cell = self._cell(task, use, earlier)
            if cell is not None:
                open_labels.add(use.label)
                yield cell
        self.open |= open_labels

    def _waits_for_lessons(self, use: PrivilegeUse) -> bool:
        """Return True if a privilege's lessons are not written yet: they need the attempts of all tasks."""
        return use.notes == "lesson" and (self._notes is None or not self._notes.is_finished(use))

    def _probe(self, task: Task, earlier: dict[str, list[EarlierTrace]]) -> Cell | None:
        """Return the cell of unguided samples that the task's pass rate needs; None once there are enough."""
        assert self._generate.select is not None
        use, before = self._unguided, earlier.get(self._unguided.label, [])
        requests = due(use, self._generate.select.samples, None, before)
        return Cell(use, requests, before, self._contexts.write(task, use)) if requests else None

    def _cell(self, task: Task, use: PrivilegeUse, earlier: dict[str, list[EarlierTrace]]) -> Cell | None:
        """Return the cell; None if it is complete, or if the task lacks what the privilege needs, which is counted."""
        before = earlier.get(use.label, [])
        requests = self._due(task, use, before, earlier.get(use.source or "", []))
        if not requests:
            return None
        if use.privilege.needs_attempt(task):  # each request shows its own
            reason = unmet_need(task, use, [str(use.attempts)] if requests[0].attempts else [])
            if reason is None:
                return Cell(use, requests, before, None)
            self.skipped[use.label, reason] += 1
            return None
        try:
            lessons = self._notes.lessons(use, task) if self._notes is not None and use.notes == "lesson" else ()
            context = self._contexts.write(task, use, lessons=lessons)
        except UnmetNeedError as reason:
            self.skipped[use.label, str(reason)] += 1
            return None
        return Cell(use, [replace(request, attempts=()) for request in requests], before, context)

    def _due(
        self, _task: Task, use: PrivilegeUse, traces: list[EarlierTrace], attempts: list[EarlierTrace]
    ) -> list[CellRequest]:
        return due(use, self._generate.samples, self._generate.until, traces, attempts)


def _decision(select: Select, probes: list[EarlierTrace]) -> str:
    graded = [probe for probe in probes if probe.sample < select.samples and probe.verdict in GRADED]
    return decision(select, sum(probe.verdict == "correct" for probe in graded), len(graded))


def due(
    use: PrivilegeUse,
    samples: int,
    until: Until | None,
    traces: Sequence[EarlierTrace],
    attempts: Sequence[EarlierTrace] = (),
) -> list[CellRequest]:
    """Return the cell's next requests; none if it is complete.

    `samples` and `until` are the recipe's; `traces` are the cell's own; `attempts` are all traces of the privilege that
    it shows attempts of. With `until`, there are none once enough traces are correct, and a cell never has more than
    `max_attempts` traces, turns included.
    """
    if until and satisfied(until, traces):
        return []
    usable = _Attempts(use, attempts)
    requests = _next_turns(use, traces, usable) or [
        CellRequest(sample, 0, usable.for_sample(sample)) for sample in _new_samples(samples, until, traces)
    ]
    return _as_allowed(until, traces, requests)


def satisfied(until: Until, traces: Sequence[EarlierTrace]) -> bool:
    """Return True if a cell has as many correct traces as the recipe asks for."""
    return sum(trace.verdict == "correct" for trace in traces) >= until.correct


def _new_samples(batch: int, until: Until | None, traces: Sequence[EarlierTrace]) -> range:
    """Return the samples to begin: the first batch, then batch by batch until enough are correct."""
    begun = _begun(traces)
    if begun < batch:
        return range(begun, batch)
    return range(begun, begun + batch) if until else range(0)


def _next_turns(use: PrivilegeUse, traces: Sequence[EarlierTrace], usable: _Attempts) -> list[CellRequest]:
    """Continue the chains that end with a wrong trace and have turns left."""
    return [
        CellRequest(sample, len(chain), (*usable.for_sample(sample), *chain))
        for sample, chain in _chains(traces).items()
        if len(chain) < use.turns and chain[-1].verdict == "wrong"
    ]


def _chains(traces: Sequence[EarlierTrace]) -> dict[int, list[EarlierTrace]]:
    """Group the traces by sample, in order of round: each but the first follows a wrong one."""
    in_order = sorted(traces, key=lambda trace: (trace.sample, trace.round))
    return {sample: list(chain) for sample, chain in groupby(in_order, key=lambda trace: trace.sample)}


def _as_allowed(until: Until | None, traces: Sequence[EarlierTrace], requests: list[CellRequest]) -> list[CellRequest]:
    return requests[: max(until.max_attempts - len(traces), 0)] if until else requests


def _begun(traces: Sequence[EarlierTrace]) -> int:
    """Return the number of the next sample."""
    return 1 + max((trace.sample for trace in traces), default=-1)


class _Attempts:
    """The attempts that a privilege can show, dealt to its samples."""

    def __init__(self, use: PrivilegeUse, attempts: Sequence[EarlierTrace]) -> None:
        in_order = sorted(attempts, key=lambda trace: (trace.sample, trace.round))
        self._use = use
        self._right = [trace for trace in in_order if trace.verdict == "correct"]
        self._wrong = [trace for trace in in_order if trace.verdict == "wrong"]

    def for_sample(self, sample: int) -> tuple[EarlierTrace, ...]:
        """Return the attempts for a sample: different ones for each sample while they last; none if there are none."""
        main, beside = self._of(self._use.attempts), self._of(self._use.privilege.beside)
        return tuple(dealt[sample % len(dealt)] for dealt in (main, beside) if dealt) if main else ()

    def _of(self, kind: AttemptKind | None) -> list[EarlierTrace]:
        return [] if kind is None else self._right if kind == "right" else self._wrong


@dataclass(frozen=True)
class MoreSamples:
    """The samples that a top-up adds for one teacher, or, in later rounds, the turns that follow from them.

    `samples` gives their number by task_id and privilege; `since` is the round in which they begin.
    """

    samples: Mapping[tuple[str, str], int]
    since: int


class TopUpSchedule(Schedule):
    """Decides what is due of the cells that a top-up adds samples to, and of the chains that these samples begin."""

    def __init__(
        self,
        generate: Generate,
        contexts: ContextWriter,
        uses: Sequence[PrivilegeUse],
        more: MoreSamples,
        notes: TeacherNotes | None = None,
    ) -> None:
        """`more` gives the cells and the number of samples of each."""
        probed = generate.select is not None and generate.unguided.label not in {use.label for use in uses}
        super().__init__(generate, contexts, [generate.unguided, *uses] if probed else uses, notes)
        self._more = more

    def cells(self, task: Task, earlier: dict[str, list[EarlierTrace]]) -> Iterator[Cell]:
        """Yield the task's cells with requests due in this round of the top-up."""
        for use in self._uses:
            cell = self._cell(task, use, earlier)
            if cell is not None:
                yield cell

    def _due(
        self, task: Task, use: PrivilegeUse, traces: list[EarlierTrace], attempts: list[EarlierTrace]
    ) -> list[CellRequest]:
        usable, first = _Attempts(use, attempts), _begun(traces)
        more = self._more.samples.get((task["task_id"], use.label), 0)
        begun_now = [trace for trace in traces if trace.round >= self._more.since]
        requests = _next_turns(use, begun_now, usable) or [
            CellRequest(sample, 0, usable.for_sample(sample)) for sample in range(first, first + more)
        ]
        return _as_allowed(self._generate.until, traces, requests)
