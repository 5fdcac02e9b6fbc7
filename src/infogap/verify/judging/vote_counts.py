"""Count a judge's votes, how they were read, and what they cost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import TRACES, VERDICTS
from infogap.verify.judging.ask_judge import AskedJudge
from infogap.verify.judging.judged_traces import vote_of
from infogap.verify.round_verdicts import drop_round_verdicts

_FAILED = r"^(?:votes|no majority of \d+ votes): [^;]*?(\d+) failed"


def vote_counts(run: Run, asked: AskedJudge) -> dict[str, Any]:
    """Count all votes that the run has from its judge, for the manifest.

    `votes`; of these `right`, `wrong`, `unsure`, `unreadable` and `refused` (by the servers); `read_loosely`, from a
    reply that was more than the JSON asked for; `without_schema`, of servers that take none; and tokens. Besides these
    `failed`, votes that verdicts lack because their requests failed.
    """
    replies = asked.replies
    wanted = pl.col("trace_id").is_in([reply.trace_id for reply in replies])
    responses = dict(run.scan(TRACES).filter(wanted).select("trace_id", "response").collect().iter_rows())
    counts = Counter[str]({"votes": len(replies)})
    for reply in replies:
        vote = vote_of(reply, responses.get(reply.trace_id) or "")
        counts["refused" if reply.error is not None else vote.verdict or "unreadable"] += 1
        counts["read_loosely"] += vote.how == "loose"
        counts["without_schema"] += not reply.structured
        counts["prompt_tokens"] += reply.prompt_tokens or 0
        counts["completion_tokens"] += reply.completion_tokens or 0
    failed = pl.col("detail").str.extract(_FAILED, 1).cast(pl.Int64).sum()
    counts["failed"] = int(run.scan(VERDICTS).select(failed).collect().item())
    return {name: count for name, count in counts.items() if count or name == "votes"}


def forget_failed_votes(run: Run) -> int:
    """Forget verdicts that lack votes because requests failed, so that they are sent again; return how many did."""
    manifest = run.manifest(VERDICTS.name)
    failed: int = manifest.counts.get("judge", {}).get("failed", 0) if manifest is not None else 0
    if failed:
        drop_round_verdicts(run.path / TRACES.name)
        run.manifest_path(VERDICTS.name).unlink()
    return failed


def vote_cost(asked: AskedJudge, counts: dict[str, Any]) -> float | None:
    """Return what a judge's votes cost at the recipe's prices; None if it states none. Retries are not included."""
    price = asked.price
    if price is None:
        return None
    return price.of(counts.get("prompt_tokens", 0), counts.get("completion_tokens", 0))


def spending_in_words(counts: dict[str, Any]) -> list[str]:
    """Return a note on the tokens and cost of the judge's votes, and on votes that failed; none without a judge."""
    votes = counts.get("judge", {})
    notes = []
    if votes.get("prompt_tokens"):
        cost = f", {counts['cost']:,} cost" if "cost" in counts else ""
        tokens = f"{votes['prompt_tokens']:,} prompt tokens, {votes.get('completion_tokens', 0):,} completion tokens"
        notes.append(f"judge: {tokens}{cost}")
    if votes.get("failed"):
        notes.append("judge: --retry-failed sends failed requests for votes again, which helps if the cause is gone")
    return notes
