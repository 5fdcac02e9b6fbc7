"""Formats of verl, as Parquet: reinforcement learning with or without a teacher's context, and SFT."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from infogap.publish.configs.privileged import PRIVILEGED
from infogap.publish.configs.rl import FEATURES, RL, verl_rows
from infogap.publish.configs.sft import SFT
from infogap.publish.exports.base import ExportFormat, Row
from infogap.publish.exports.conversations import messages
from infogap.publish.sorted_rows import SortedRows
from infogap.runs.run_folder import Run
from infogap.schema import TASKS

PRIVILEGED_KEY = "privileged_context"
"""The key of `extra_info` for what a teacher was shown. verl itself does not read it."""


def _as_it_is(row: Row) -> Row:
    return row


def _rows(run: Run, mix: pl.DataFrame) -> SortedRows:
    """Select the contexts of the mix's traces, as the config `privileged` does."""
    contexts = PRIVILEGED.rows(run, mix)
    assert isinstance(contexts, SortedRows)
    return replace(contexts, publish=_with_contexts)


def _with_contexts(run: Run, contexts: pl.DataFrame) -> pl.DataFrame:
    """Make a row of verl for each context whose task has a gold answer, with the context in `extra_info`."""
    tasks = run.scan(TASKS).filter(pl.col("answer").is_not_null()).collect()
    of_tasks = contexts.join(tasks, on="task_id", how="inner", maintain_order="left")
    rows = verl_rows(run, of_tasks, FEATURES)
    extra = pl.struct(
        pl.col("extra_info").struct.unnest(),
        *(of_tasks[name] for name in ("context_id", "privilege")),
        of_tasks["text"].alias(PRIVILEGED_KEY),
    )
    return rows.with_columns(extra_info=extra)


VERL = ExportFormat(
    name="verl",
    shows="verl, RL: `data_source`, `prompt`, `ability`, `reward_model`, `extra_info`",
    config=RL,
    row=_as_it_is,
    suffixes=(".parquet",),
)
VERL_PRIVILEGED = ExportFormat(
    name="verl-privileged",
    shows=f"verl, RL with a privileged teacher: the same, a row per context, in `extra_info.{PRIVILEGED_KEY}`",
    config=replace(PRIVILEGED, rows=_rows),
    row=_as_it_is,
    suffixes=(".parquet",),
    privileged=PRIVILEGED.privileged,
)
VERL_SFT = ExportFormat(
    name="verl-sft",
    shows="verl, multi-turn SFT: `messages`",
    config=SFT,
    calls_tools=True,
    row=messages,
    suffixes=(".parquet",),
    renders="message",
)
