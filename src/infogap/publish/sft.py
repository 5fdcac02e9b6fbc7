"""The config `sft`: the mix as conversations."""

from __future__ import annotations

import polars as pl

from infogap.publish.conversations import MESSAGES, answers, prompts
from infogap.publish.joined import columns, joined
from infogap.publish.slices import in_order
from infogap.run import Run
from infogap.schema import MEASURES, MIX, TASKS, TRACES, VERDICTS

SFT = pl.Schema(
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


def mix_places(run: Run) -> pl.DataFrame:
    """The traces of the mix, by id."""
    return in_order(run.scan(MIX).filter("selected").select("trace_id").collect())


def sft_rows(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Conversations of a question and a trace; see `conversations`."""
    known = joined(run, traces)
    messages = pl.concat_list(prompts(run, known["question"]), answers())
    return known.with_columns(messages=messages).select(*SFT).match_to_schema(SFT)
