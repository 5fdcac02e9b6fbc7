"""The journal of a judge's votes: a line for each reply, written when it arrives, so that none is paid for twice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from infogap.atomic_files import disk_error
from infogap.console import detail
from infogap.runs.run_folder import Run


@dataclass(frozen=True)
class Reply:
    """A reply to a request for a vote. `judge` identifies the model, its settings and what it is asked."""

    id: str
    judge: str
    trace_id: str  # the first trace with this question and response; others share its votes
    response: str
    finish_reason: str
    error: str | None  # why there is no response, if the servers refused this request for good
    structured: bool  # whether the server was asked for JSON of the schema
    prompt_tokens: int | None
    completion_tokens: int | None


class VoteJournal:
    """The replies of all judges of a run, in `votes/votes.jsonl`."""

    def __init__(self, run: Run) -> None:
        """Read the journal; a line that a kill has cut off is asked for again."""
        self.path = _path(run)
        self._replies: dict[str, Reply] = {}
        self._whole = True  # whether the file ends with a whole line
        try:
            written = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise disk_error(self.path, error) from error
        self._whole = written.endswith(b"\n") or not written
        for line in written.splitlines():
            try:
                reply = Reply(**orjson.loads(line))
            except (orjson.JSONDecodeError, TypeError):
                detail(f"{self.path}: an unreadable line; its vote is asked for again")
                continue
            self._replies.setdefault(reply.id, reply)

    def __len__(self) -> int:
        return len(self._replies)

    def get(self, request_id: str) -> Reply | None:
        return self._replies.get(request_id)

    def of(self, judge: str) -> list[Reply]:
        """Return the replies of one judge."""
        return [reply for reply in self._replies.values() if reply.judge == judge]

    def add(self, reply: Reply) -> None:
        """Store a reply; it is on disk when this returns."""
        line = orjson.dumps(asdict(reply)) + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as journal:
                journal.write(line if self._whole else b"\n" + line)
        except OSError as error:
            raise disk_error(self.path, error) from error
        self._whole = True
        self._replies[reply.id] = reply

    def lend(self, other: VoteJournal) -> None:
        """Store in `other` the replies that it lacks."""
        for reply in self._replies.values():
            if other.get(reply.id) is None:
                other.add(reply)


def borrow_votes(run: Run, others: list[Run]) -> None:
    """Take over the votes of other runs, which may have put the same responses to the same judge."""
    own: VoteJournal | None = None
    for other in others:
        if _path(other).is_file():
            own = own or VoteJournal(run)
            VoteJournal(other).lend(own)


def _path(run: Run) -> Path:
    return run.path / "votes" / "votes.jsonl"
