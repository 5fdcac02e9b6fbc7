"""The config `sft`: the mix as conversations."""

from __future__ import annotations

import polars as pl

from infogap.publish.configs.base import Config
from infogap.publish.external_sort import in_order
from infogap.publish.published_columns import MESSAGES, answers, columns, joined, prompts
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, MIX, TASKS, TRACES, VERDICTS

_SCHEMA = pl.Schema(
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


def _places(run: Run) -> pl.DataFrame:
    """The traces of the mix, by id."""
    return in_order(run.scan(MIX).filter("selected").select("trace_id").collect())


def _rows(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Conversations of a question and a trace; see `conversations`."""
    known = joined(run, traces)
    messages = pl.concat_list(prompts(run, known), answers(run))
    return known.with_columns(messages=messages).select(*_SCHEMA).match_to_schema(_SCHEMA)


SFT = Config(
    name="sft",
    shows="the traces of the mix as conversations, for supervised fine-tuning",
    schema=_SCHEMA,
    key=pl.col("trace_id"),
    table=TRACES,
    places=_places,
    rows=_rows,
    empty="the mix selects no trace",
)
