"""The config `sft`: the mix as conversations."""

from __future__ import annotations

import polars as pl

from infogap.publish.configs.base import MESSAGES, Config, answers, columns, joined, prompts
from infogap.publish.parquet_shards import SortedRows, in_order
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES, VERDICTS

_FEATURES = pl.Schema(
    {
        "messages": MESSAGES,
        **columns(TRACES, "trace_id", "task_id"),
        **columns(TASKS, "family", "difficulty"),
        **columns(TRACES, "privilege"),
        **columns(VERDICTS, "verdict"),
        **columns(MEASURES, "band"),
        **columns(TRACES, "teacher"),
    }
)


def _rows(run: Run, mix: pl.DataFrame) -> SortedRows:
    """Select the traces of the mix, by id."""
    return SortedRows(run, TRACES, in_order(mix.filter("selected").select("trace_id")), _conversations)


def _conversations(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Make a conversation per trace: the student's prompt, and the trace as the answer."""
    known = joined(run, traces)
    messages = pl.concat_list(prompts(run, known), answers(run))
    return known.with_columns(messages=messages).select(*_FEATURES).match_to_schema(_FEATURES)


SFT = Config(
    name="sft",
    shows="the traces of the mix as conversations, for supervised fine-tuning",
    features=_FEATURES,
    key=pl.col("trace_id"),
    rows=_rows,
    of_mix=True,
    empty="the mix selects no trace",
    card="In `sft`, `messages` holds one question and one answer.",
)
