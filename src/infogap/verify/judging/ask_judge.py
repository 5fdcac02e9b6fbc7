"""Ask a judge for votes: those that are not in the journal yet, each stored as it arrives."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from infogap.errors import ExternalError, StoppedError
from infogap.ids import derived_seed, stable_id
from infogap.interrupts import Stopping
from infogap.progress import Advance, progress
from infogap.recipe.teacher_section import AnyTeacher, Price
from infogap.recipe.verify_section import Judge
from infogap.runs.run_folder import Run
from infogap.teachers.base import Completion, Request, Teacher, backend_of, open_teacher
from infogap.teachers.model_identity import model_identity, name_of
from infogap.text.characters import utf8
from infogap.verify.judging import judge_prompt
from infogap.verify.judging.judge_prompt import SCHEMA
from infogap.verify.judging.vote_journal import Reply, VoteJournal

_FOR_GOOD = ("filtered", "too_long")  # how servers refuse one request: they would again
# A server that does not know `response_format`, or not with this schema, says so in words of its own.
_NO_SCHEMA = re.compile(r"response_format|json_?schema|structured|guided|grammar|json_object|json mode", re.IGNORECASE)


def judge_settings(run: Run, judge: Judge) -> dict[str, Any]:
    """Return what a judge's votes depend on besides question and response, for fingerprints."""
    return {
        "version": judge_prompt.VERSION,
        "model": judge.by.model,
        "settings": judge.by.answer_settings | model_identity(judge.by, run.resolve),
        "votes": judge.votes,
        "shows": judge.shows,
        "wording": judge.wording,
        "seed": run.recipe.seed,
    }


@dataclass(frozen=True)
class Ballot:
    """A response to vote on: the trace that it is of, and the chat that the judge is sent."""

    trace_id: str
    messages: list[dict[str, str]]


class AskedJudge:
    """A run's judge. Opens the model when the first vote is missing in the journal."""

    def __init__(self, run: Run, judge: Judge, stop: Stopping | None = None) -> None:
        self.judge = judge
        self.failed = Counter[str]()  # requests of this command that failed, by their error
        self._run, self._stop, self._spending = run, stop, run.budget.spending
        self._name = name_of(judge.by, run.resolve)
        self._identity = judge.by.answer_settings | model_identity(judge.by, run.resolve)
        asked = (judge_prompt.VERSION, judge.wording, judge.shows)
        self.id = stable_id("judge", self._name, self._identity, *asked)
        self._journal = VoteJournal(run)
        self._open = ExitStack()
        self._teachers: dict[bool, Teacher] = {}
        self._in_json = backend_of(judge.by).in_json(judge.by, SCHEMA)
        self._takes_schema: bool | None = None if self._in_json is not None else False

    @property
    def price(self) -> Price | None:
        """The price of its tokens, if the recipe gives one."""
        return backend_of(self.judge.by).price(self.judge.by)

    @property
    def replies(self) -> list[Reply]:
        """All replies that this judge has given in the run."""
        return self._journal.of(self.id)

    def close(self) -> None:
        self._open.close()

    def votes_on(self, ballots: Iterable[Ballot]) -> list[list[Reply | None]]:
        """Return the replies on each response, one per vote; None for a request that failed.

        Equal responses to a question share their votes. Raises StoppedError if a budget or Ctrl-C ends the command
        first, ExternalError if the servers fail or no request succeeds: the votes so far are in the journal.
        """
        ballots = list(ballots)
        wanted = [[self._request(ballot, vote) for vote in range(self.judge.votes)] for ballot in ballots]
        missing: dict[str, Request] = {}
        trace_of: dict[str, str] = {}
        for ballot, requests in zip(ballots, wanted, strict=True):
            for request in requests:
                if self._journal.get(request.request_id) is None and request.request_id not in missing:
                    missing[request.request_id], trace_of[request.request_id] = request, ballot.trace_id
        if missing:
            self._ask(missing, trace_of)
        return [[self._journal.get(request.request_id) for request in requests] for requests in wanted]

    def stored(self, ballot: Ballot) -> list[Reply]:
        """Return the replies on a response that are in the journal."""
        requests = (self._request(ballot, vote) for vote in range(self.judge.votes))
        return [reply for request in requests if (reply := self._journal.get(request.request_id)) is not None]

    def _request(self, ballot: Ballot, vote: int) -> Request:
        """Make the request for a vote; its id follows from everything that determines the reply."""
        seed = derived_seed("judge", self._run.recipe.seed, vote)
        return Request(stable_id("judge", self._name, ballot.messages, self._identity, seed), ballot.messages, seed)

    def _ask(self, missing: dict[str, Request], trace_of: dict[str, str]) -> None:
        requests = list(missing.values())
        with progress("judge", len(requests), "votes") as advance:
            if self._takes_schema is None:  # one request tells, before many fail
                refused = self._send(requests[:1], trace_of, advance, in_json=True)
                self._takes_schema = not refused
                requests = [*refused, *requests[1:]]
            if self._takes_schema:
                requests = self._send(requests, trace_of, advance, in_json=True)
            self._send(requests, trace_of, advance, in_json=False)
        if not self.replies:
            raise ExternalError(
                f"verify.judge: every request failed (most often, {_most_often(self.failed)}); fix this and run again"
            )

    def _send(
        self, requests: list[Request], trace_of: dict[str, str], advance: Advance, *, in_json: bool
    ) -> list[Request]:
        """Store the replies to requests; return those that the server refuses because of the schema."""
        unsent = [request for request in requests if self._journal.get(request.request_id) is None]
        by_id = {request.request_id: request for request in unsent}
        refused, held_up = list[Request](), list[str]()
        if not unsent:
            return refused
        for completion in self._teacher(in_json=in_json).answer(self._allowed(unsent, held_up)):
            request = by_id[completion.request_id]
            self._spending.answer(completion.prompt_tokens, self._tokens(completion))
            if in_json and completion.error is not None and _NO_SCHEMA.search(completion.error):
                refused.append(request)
                continue
            if completion.error is not None and completion.finish_reason not in _FOR_GOOD:
                self.failed[completion.error] += 1
            else:
                self._journal.add(self._reply(completion, trace_of[request.request_id], in_json=in_json))
            advance(1, tokens=completion.completion_tokens or 0)
        if held_up:
            raise self._stopped(held_up[0])
        return refused

    def _allowed(self, requests: list[Request], held_up: list[str]) -> Iterator[Request]:
        """Yield requests as far as the budget and the user allow; note what stops them."""
        for request in requests:
            if self._stop is not None and self._stop.asked:
                held_up.append("as asked")
                return
            if not self._spending.request():
                held_up.append(f"at {self._spending.spent}")
                return
            yield request

    def _stopped(self, why: str) -> StoppedError:
        votes = f"{len(self.replies):,} votes of the judge are on disk"
        return StoppedError(f"stopped {why}: {votes}; the same command continues from there")

    def _teacher(self, *, in_json: bool) -> Teacher:
        if in_json not in self._teachers:
            settings: AnyTeacher = self._in_json if in_json and self._in_json is not None else self.judge.by
            teacher = open_teacher(settings, self._run.resolve)
            self._open.callback(teacher.close)
            self._teachers[in_json] = teacher
        return self._teachers[in_json]

    def _reply(self, completion: Completion, trace_id: str, *, in_json: bool) -> Reply:
        return Reply(
            completion.request_id,
            self.id,
            trace_id,
            utf8(completion.response),
            str(completion.finish_reason),
            completion.error,
            in_json,
            completion.prompt_tokens,
            completion.completion_tokens,
        )

    def _tokens(self, completion: Completion) -> int:
        """Return the tokens of a reply: the maximum, if the server does not report them."""
        if completion.completion_tokens is None and completion.error is None:
            return self.judge.by.sampling.max_tokens
        return completion.completion_tokens or 0


def _most_often(failed: Counter[str]) -> str:
    reason, count = failed.most_common(1)[0] if failed else ("without an error", 0)
    return f"{count} times: {reason}"
