"""Turn a judge's votes on traces into verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from infogap.recipe.verify_section import Judge
from infogap.schema import VERDICTS
from infogap.verify.base import Grade, Item, Verdict, ungradable
from infogap.verify.grade_traces import TRACE_COLUMNS, Tasks, prepared
from infogap.verify.judging.ask_judge import AskedJudge, Ballot
from infogap.verify.judging.judge_prompt import messages
from infogap.verify.judging.vote_journal import Reply
from infogap.verify.judging.vote_reading import Vote, read_vote
from infogap.verify.verifiers.judge import NAME as JUDGE

_VERDICT_BY_VOTE: dict[str, Verdict] = {"right": "correct", "wrong": "wrong"}


def judged(
    asked: AskedJudge, tasks: Tasks, parts: Iterable[tuple[pl.DataFrame, pl.DataFrame]]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield the traces part by part, each part with its known verdicts and those of the judge.

    Takes the tasks by id, and the traces with the verdicts that exist, as `grade_traces`. Raises what
    `AskedJudge.votes_on` raises, before the first part whose votes are incomplete.
    """
    for part, known in parts:
        graded = set(known["trace_id"])
        items = [each for each in judged_items(tasks, part) if each[0] not in graded]
        votes = asked.votes_on(Ballot(trace_id, chat(item, asked.judge)) for trace_id, item in items)
        rows = [_row(trace_id, item, replies) for (trace_id, item), replies in zip(items, votes, strict=True)]
        yield part, pl.concat([known, VERDICTS.frame(rows)]) if rows else known


def judged_items(tasks: Tasks, traces: pl.DataFrame) -> Iterator[tuple[str, Item]]:
    """Yield the id of each trace that a judge votes on, with the item; those without an answer need no votes."""
    for trace in traces.select(TRACE_COLUMNS).iter_rows(named=True):
        task = tasks.get(trace["task_id"])
        if task is not None and task["verifier"] == JUDGE:
            item = prepared(task, trace)
            if isinstance(item, Item):
                yield trace["trace_id"], item


def chat(item: Item, judge: Judge) -> list[dict[str, str]]:
    """Return what the judge is sent about an item."""
    gold = item.gold if "gold" in judge.shows else None
    return messages(item.question, item.response or "", gold, judge.wording)


def _row(trace_id: str, item: Item, replies: list[Reply | None]) -> dict[str, Any]:
    grade = verdict_of(replies, item)
    return {
        "trace_id": trace_id,
        "verdict": grade.verdict,
        "extracted_answer": grade.answer,
        "score": grade.score,
        "detail": grade.detail,
    }


def verdict_of(replies: list[Reply | None], item: Item) -> Grade:
    """Decide by more than half of the votes, of which those that failed or cannot be read count for neither side.

    The score is the share of votes for right. Without a majority the trace is ungradable.
    """
    votes = [None if reply is None else vote_of(reply, item.response or "") for reply in replies]
    counts = Counter(_kind(vote) for vote in votes)
    in_words = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    kind = next((kind for kind in _VERDICT_BY_VOTE if 2 * counts[kind] > len(votes)), None)
    if kind is None:
        return ungradable(f"no majority of {len(votes)} votes: {in_words}", item.answer)
    reason = next((vote.reason for vote in votes if vote and vote.verdict == kind and vote.reason), "")
    detail = f"votes: {in_words}{f'; {reason}' if reason else ''}"
    return Grade(_VERDICT_BY_VOTE[kind], item.answer or None, round(counts["right"] / len(votes), 6), detail)


def vote_of(reply: Reply, response: str) -> Vote:
    """Read a reply on a response; one that the servers refused says nothing."""
    if reply.error is not None:
        return Vote(None, "", "unread")
    return read_vote(reply.response, response, cut=reply.finish_reason == "length")


def _kind(vote: Vote | None) -> str:
    if vote is None:
        return "failed"
    return vote.verdict or "unreadable"
