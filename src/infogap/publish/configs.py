"""The published configs: views of the dataset, each with its columns and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl

from infogap.publish.preference import PREFERENCE, preference_places, preference_rows
from infogap.publish.privileged import PRIVILEGED, privileged_places, privileged_rows
from infogap.publish.rl import RL, rl_places, rl_rows
from infogap.publish.sft import SFT, mix_places, sft_rows
from infogap.publish.slices import SLICE_BYTES, sorted_slices
from infogap.publish.traces import TRACES_PUBLISHED, all_places, trace_rows
from infogap.run import Run
from infogap.schema import CONTEXTS, TASKS, TRACES, Table


@dataclass(frozen=True)
class Config:
    """A view of the dataset, made of the rows of one table.

    `places` says which of the table's rows, and in which order: its key, `place`, and what else `rows` needs; rows of
    the same place make one row. `rows` makes what is published of a slice of them.
    """

    name: str
    schema: pl.Schema
    table: Table
    places: Callable[[Run], pl.DataFrame]
    rows: Callable[[Run, pl.DataFrame], pl.DataFrame]
    key: pl.Expr  # what tells a row from the others
    shows: str
    empty: str  # why there may be no rows

    def slices(self, run: Run, places: pl.DataFrame, limit: int = SLICE_BYTES) -> Iterator[pl.DataFrame]:
        """What is published of these places, in order, from about `limit` bytes of text at a time."""
        for rows in sorted_slices(run, self.table, places, limit):
            yield self.rows(run, rows)


_NO_MIX = "the mix selects no trace"

CONFIGS = {
    config.name: config
    for config in (
        Config(
            "sft",
            SFT,
            TRACES,
            mix_places,
            sft_rows,
            pl.col("trace_id"),
            "the traces of the mix as conversations, for supervised fine-tuning",
            _NO_MIX,
        ),
        Config(
            "traces",
            TRACES_PUBLISHED,
            TRACES,
            all_places,
            trace_rows,
            pl.col("trace_id"),
            "every trace with everything measured of it",
            "there are no traces",
        ),
        Config(
            "preference",
            PREFERENCE,
            TRACES,
            preference_places,
            preference_rows,
            pl.concat_str("chosen_trace_id", "rejected_trace_id", separator=" "),
            "pairs of a right and a wrong trace of one task, privilege and teacher, for preference training",
            "no task has both a correct and a wrong trace under one privilege by one teacher",
        ),
        Config(
            "privileged",
            PRIVILEGED,
            CONTEXTS,
            privileged_places,
            privileged_rows,
            pl.col("context_id"),
            "what the teachers of the mix's traces were shown, for on-policy self-distillation",
            "no trace of the mix was written under a context",
        ),
        Config(
            "rl",
            RL,
            TASKS,
            rl_places,
            rl_rows,
            pl.col("extra_info").struct.field("task_id"),
            "the tasks of the mix with their gold answers, for reinforcement learning",
            "no task of the mix has a gold answer",
        ),
    )
}
