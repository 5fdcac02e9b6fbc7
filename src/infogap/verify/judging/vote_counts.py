"""Count a judge's votes, how they were read, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import DERIVED, TRACES, VERDICTS, Table
from infogap.verify.grade_traces import Tasks
from infogap.verify.judging.ask_judge import AskedJudge, Ballot
from infogap.verify.judging.judged_traces import chat, judged_items, vote_of
from infogap.verify.round_verdicts import drop_round_verdicts
from infogap.verify.verifiers.judge import NAME as JUDGE

_FAILED = r"^(?:votes|no majority of \d+ votes): [^;]*?(\d+) failed"


def vote_counts(
    asked: AskedJudge, tasks: Tasks, traces: Iterable[pl.DataFrame], verdicts: pl.LazyFrame
) -> dict[str, Any]:
    """Count the votes on some traces, for the manifest; `tasks` by id, `verdicts` are those on the traces.

    `votes`; of these `right`, `wrong`, `unsure`, `unreadable` and `refused` (by the servers); `read_loosely`, from a
    reply that was more than the JSON asked for; `without_schema`, of servers that take none; and tokens. Besides these
    `failed`, votes that verdicts lack because their requests failed. Votes that equal responses share count once.
    """
    counts = Counter[str](votes=0)
    counted = set[str]()
    for trace_id, item in (each for part in traces for each in judged_items(tasks, part)):
        for reply in asked.stored(Ballot(trace_id, chat(item, asked.judge))):
            if reply.id in counted:
                continue
            counted.add(reply.id)
            vote = vote_of(reply, item.response or "")
            counts["votes"] += 1
            counts["refused" if reply.error is not None else vote.verdict or "unreadable"] += 1
            counts["read_loosely"] += vote.how == "loose"
            counts["without_schema"] += not reply.structured
            counts["prompt_tokens"] += reply.prompt_tokens or 0
            counts["completion_tokens"] += reply.completion_tokens or 0
    failed = pl.col("detail").str.extract(_FAILED, 1).cast(pl.Int64).sum()
    counts["failed"] = int(verdicts.select(failed).collect().item())
    return {name: count for name, count in counts.items() if count or name == "votes"}


def forget_failed_votes(run: Run) -> int:
    """Forget verdicts that lack votes because requests failed, so that they are sent again; return how many did."""
    forgotten = 0
    for folder in (VERDICTS.name, DERIVED.name):
        manifest = run.manifest(folder)
        failed: int = manifest.counts.get("judge", {}).get("failed", 0) if manifest is not None else 0
        if failed:
            run.manifest_path(folder).unlink()
            forgotten += failed
            if folder == VERDICTS.name:
                drop_round_verdicts(run.path / TRACES.name)
    return forgotten


def vote_cost(asked: AskedJudge, counts: dict[str, Any]) -> float | None:
    """Return what a judge's votes cost at the recipe's prices; None if it states none. Retries are not included."""
    price = asked.price
    if price is None:
        return None
    return price.of(counts.get("prompt_tokens", 0), counts.get("completion_tokens", 0))


def votes_and_cost(run: Run, tasks: Tasks, table: Table, verdicts: Table) -> dict[str, Any]:
    """Count the judge's votes on the traces of a table, as `judge`, and their `cost` at the recipe's prices.

    Empty for a run without a judge, or whose tasks it does not grade.
    """
    judge = run.recipe.verify.judge if run.recipe.verify else None
    if judge is None or not any(task["verifier"] == JUDGE for task in tasks.values()):
        return {}
    with closing(AskedJudge(run, judge)) as asked:
        counts = vote_counts(asked, tasks, run.parts(table), run.scan(verdicts))
        cost = vote_cost(asked, counts)
    return {"judge": counts} | ({} if cost is None else {"cost": cost})


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
