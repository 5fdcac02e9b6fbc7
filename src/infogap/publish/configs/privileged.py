"""The config `privileged`: what teachers were shown, for on-policy self-distillation.

There the student samples from the prompt, and is taught by itself under prompt and context. The columns `prompt` and
`privileged_context` are those that such trainers read; they word the teacher's prompt themselves.
"""

from __future__ import annotations

import polars as pl

from infogap.publish.configs.base import Config
from infogap.publish.external_sort import in_order
from infogap.publish.published_columns import MESSAGES, columns, prompts, with_tasks
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MIX, TASKS, TRACES

_SCHEMA = pl.Schema(
    {
        "prompt": MESSAGES,
        "privileged_context": CONTEXTS.schema["text"],
        **columns(CONTEXTS, "context_id", "task_id", "privilege"),
        **columns(TASKS, "family", "difficulty"),
    }
)


def _places(run: Run) -> pl.DataFrame:
    """The contexts under which the traces of the mix were written, by id."""
    selected = run.scan(MIX).filter("selected").select("trace_id")
    used = run.scan(TRACES).join(selected, on="trace_id", how="semi").select("context_id").drop_nulls().unique()
    there = run.scan(CONTEXTS).select("context_id").join(used, on="context_id", how="semi")
    return in_order(there.collect())


def _rows(run: Run, contexts: pl.DataFrame) -> pl.DataFrame:
    """A row for each context: the student's prompt, and the context's text."""
    rows = with_tasks(run, contexts)
    return rows.with_columns(prompts(run, rows), privileged_context="text").select(*_SCHEMA).match_to_schema(_SCHEMA)


PRIVILEGED = Config(
    name="privileged",
    shows="what the teachers of the mix's traces were shown, for on-policy self-distillation",
    schema=_SCHEMA,
    key=pl.col("context_id"),
    table=CONTEXTS,
    places=_places,
    rows=_rows,
    empty="no trace of the mix was written under a context",
)
