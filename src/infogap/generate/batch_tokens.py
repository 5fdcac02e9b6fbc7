"""The tokens of a run's traces that came in batches, which cost less, and what is to be said of its batches."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from infogap.generate.batch_records import BatchFolder
from infogap.recipe.teacher_section import Price
from infogap.runs.run_folder import Run
from infogap.schema import NOTES, TRACES


@dataclass(frozen=True)
class BatchTokens:
    """Tokens of one teacher's traces that came in batches."""

    prompt_tokens: int = 0
    completion_tokens: int = 0

    def cost(self, price: Price, prompt_tokens: int, completion_tokens: int) -> float:
        """Compute the cost of all the teacher's tokens, given in the arguments: the others are at the full price."""
        live = price.of(prompt_tokens - self.prompt_tokens, completion_tokens - self.completion_tokens)
        return round(live + price.in_batches.of(self.prompt_tokens, self.completion_tokens), 6)


def tokens_in_batches(run: Run) -> dict[str, BatchTokens]:
    """Count the tokens of traces and notes that came in batches, by teacher; teachers without any are left out."""
    folder = BatchFolder(run.path)
    ids = set[str]()
    for record in folder.records():
        if record.stage == "collected":
            ids |= folder.answered_ids(record)
    if not ids:
        return {}
    columns = ("trace_id", "teacher", "prompt_tokens", "completion_tokens")
    rows = pl.concat([run.scan(table).select(columns) for table in (TRACES, NOTES)])
    batched = rows.filter(pl.col("trace_id").is_in(pl.Series(sorted(ids)).implode()))
    sums = batched.group_by("teacher").agg(pl.col("prompt_tokens", "completion_tokens").sum()).sort("teacher").collect()
    return {row[0]: BatchTokens(*row[1:]) for row in sums.iter_rows()}


def batch_notes(run: Run) -> list[str]:
    """Return notes on batches with unexpected files, and on those in flight for what is not needed any more."""
    notes = []
    for record in BatchFolder(run.path).records():
        if record.oddities is not None:
            notes.append(f"batch {record.batch_id}: {record.oddities}")
        elif record.stage == "in_flight":
            notes.append(
                f"batch {record.batch_id} of {record.requests:,} requests is in flight, and this recipe does not need "
                "them any more; its answers are collected when a recipe of this run asks for them again"
            )
    return notes
