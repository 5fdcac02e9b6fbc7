"""The config `preference`: pairs of a right and a wrong trace, as DPO (Rafailov et al. 2023) takes them."""

from __future__ import annotations

import polars as pl

from infogap.publish.chat_messages import MESSAGES, answers, prompts
from infogap.publish.configs.base import Config
from infogap.publish.preference_pairs import pairs
from infogap.publish.trace_join import columns, joined
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES

_OF_EACH = ("trace_id", "band", "epistemic_density")
_SCHEMA = pl.Schema(
    {
        "prompt": MESSAGES,
        "chosen": MESSAGES,
        "rejected": MESSAGES,
        **columns(TRACES, "task_id"),
        **columns(TASKS, "family", "difficulty"),
        **columns(TRACES, "privilege", "teacher"),
        **{
            f"{side}_{name}": dtype
            for side in ("chosen", "rejected")
            for name, dtype in (columns(TRACES, "trace_id") | columns(MEASURES, "band", "epistemic_density")).items()
        },
    }
)


def _places(run: Run) -> pl.DataFrame:
    """Both traces of each pair, in one place; `rejected` tells them apart."""
    found = pairs(run).with_row_index("place")
    sides = [
        found.select(
            pl.col(side).alias("trace_id"), pl.col("place").cast(pl.Int64), rejected=pl.lit(side == "rejected")
        )
        for side in ("chosen", "rejected")
    ]
    return pl.concat(sides)


def _rows(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """A row for each pair: the student's prompt, and the two traces."""
    known = joined(run, traces).with_columns(answer_message=answers(run))
    chosen = known.filter(~pl.col("rejected"))
    rejected = known.filter("rejected").select("place", *_as("rejected"))
    rows = chosen.with_columns(prompts(run, chosen), *_as("chosen")).drop("rejected")
    both = rows.join(rejected, on="place", maintain_order="left", validate="1:1")
    return both.select(*_SCHEMA).match_to_schema(_SCHEMA)


def _as(side: str) -> list[pl.Expr]:
    return [pl.col("answer_message").alias(side), *(pl.col(name).alias(f"{side}_{name}") for name in _OF_EACH)]


PREFERENCE = Config(
    name="preference",
    shows="pairs of a right and a wrong trace of one task, privilege and teacher, for preference training",
    schema=_SCHEMA,
    key=pl.concat_str("chosen_trace_id", "rejected_trace_id", separator=" "),
    table=TRACES,
    places=_places,
    rows=_rows,
    empty="no task has both a correct and a wrong trace under one privilege by one teacher",
)
