"""Fill one teacher's part of a round by batches: submit what is not on disk, wait, collect, and send failures again.

Answers reach the round through the cache of the traces, where every request looks first. So it does not matter which
process collects them, when, or whether the recipe still asks for them.
"""

from __future__ import annotations

from collections.abc import Iterator

from infogap.errors import ExternalError
from infogap.generate.answer_rows import answer_of, place_of
from infogap.generate.batch_waiting import Waiting
from infogap.generate.missing_requests import missing_requests, no_progress
from infogap.generate.request_plan import SettledPlan
from infogap.generate.teacher_batches import Line, TeacherBatches
from infogap.generate.trace_store import TraceStore
from infogap.interrupts import Stopping
from infogap.runs.budget import Spending
from infogap.teachers import Completion
from infogap.teachers.batch_service import most_tokens


class BatchFilling:
    """One teacher's part of a round. `submit` sends what there is to send, `finish` collects the answers."""

    def __init__(
        self,
        plan: SettledPlan,
        number: int,
        store: TraceStore,
        batches: TeacherBatches,
        spending: Spending,
        stop: Stopping,
    ) -> None:
        """`number` is the teacher's in the plan."""
        self.refused: str | None = None  # the budget that keeps a request from being sent, in words
        self._plan, self._number, self._store = plan, number, store
        self._batches, self._spending, self._stop = batches, spending, stop
        self._waiting = Waiting(stop)
        to_teacher = plan.teachers[number]
        self._teacher = to_teacher.teacher
        self._places = range(to_teacher.first, to_teacher.first + to_teacher.total)

    def submit(self, *, wait: bool) -> None:
        """Collect what has ended since the last command, and send what there is to send.

        This comes before the cache is read, where a kill may have left answers of a batch that is not noted as
        collected. Raises ExternalError.
        """
        if self._batches.in_flight:
            self._collect_ended(wait)
        self._send()

    def finish(self, *, wait: bool) -> None:
        """Collect until every request is on disk; or, without `wait`, until something is in flight.

        Returns early at Ctrl-C, or if a budget keeps the rest from being sent. Raises ExternalError.
        """
        while self._batches.in_flight and not self._is_complete and not self._stop.asked:
            if self._collect_ended(wait):
                self._send()
                self._waiting.begin_again()
            elif not wait or not self._waiting.pause():
                return

    def _send(self) -> None:
        """Store the answers that are there, and send what neither is there nor in flight, as far as budgets allow.

        Requests that failed wait until nothing else is in flight, so that they share a batch.
        """
        self.refused = None
        self._store.reread_cache()
        self._batches.send_all(self._to_send(again=not self._batches.in_flight), self._stop)

    def _collect_ended(self, wait: bool) -> bool:
        """Collect the batches that have ended; return True if there were any."""
        try:
            return self._batches.collect_ended(self._waiting, patient=wait)
        except ExternalError:
            self._store_collected()
            raise

    @property
    def _is_complete(self) -> bool:
        return self._store.done_of(self._places) == len(self._places)

    def _store_collected(self) -> None:
        self._store.reread_cache()
        for _ in missing_requests(self._plan, self._number, self._store, no_progress):
            pass

    def _to_send(self, *, again: bool) -> Iterator[Line]:
        """Yield the requests to send; `again`: also those that failed before. Failures that are final become rows."""
        batches = self._batches
        for planned in missing_requests(self._plan, self._number, self._store, no_progress):
            request = planned.request
            if request.request_id in batches.in_flight:
                continue
            failure = batches.failure(request.request_id)
            if failure is not None and failure.final:
                completion = Completion.failed(request, failure.message, failure.reason)
                self._store.add(planned.index, place_of(planned) | answer_of(planned.teacher, completion))
                continue
            waits = failure is not None and not again
            if waits or batches.queue_full or self._stop.asked or self.refused is not None:
                continue
            most = most_tokens(request, self._teacher.most_tokens)
            self.refused = self._spending.reserve(most)
            if self.refused is None:
                yield Line(request.request_id, batches.service.line(request), most)
