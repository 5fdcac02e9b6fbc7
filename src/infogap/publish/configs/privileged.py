"""The config `privileged`: the teachers' contexts, for on-policy self-distillation.

In this method the student samples from the prompt, and acts as its own teacher when given prompt and context. Such
trainers read the columns `prompt` and `privileged_context`, and word the teacher's prompt themselves.
"""

from __future__ import annotations

import polars as pl

from infogap.publish.configs.base import MESSAGES, PROMPT, Config, columns, prompts, with_tasks
from infogap.publish.sorted_rows import SortedRows, in_order
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS, TRACES

_FEATURES = pl.Schema(
    {
        "prompt": MESSAGES,
        "privileged_context": CONTEXTS.schema["text"],
        **columns(CONTEXTS, "context_id", "task_id", "privilege"),
        **columns(TASKS, "family", "difficulty"),
    }
)


def _rows(run: Run, mix: pl.DataFrame) -> SortedRows:
    """Select the contexts of the mix's traces, sorted by id."""
    selected = mix.lazy().filter("selected").select("trace_id")
    used = run.scan(TRACES).join(selected, on="trace_id", how="semi").select("context_id").drop_nulls().unique()
    there = run.scan(CONTEXTS).select("context_id").join(used, on="context_id", how="semi")
    return SortedRows(run, CONTEXTS, in_order(there.collect()), _with_prompts)


def _with_prompts(run: Run, contexts: pl.DataFrame) -> pl.DataFrame:
    """Make a row per context: the student's prompt, and the context's text."""
    rows = with_tasks(run, contexts)
    return (
        rows.with_columns(prompts(run, rows), privileged_context="text").select(*_FEATURES).match_to_schema(_FEATURES)
    )


PRIVILEGED = Config(
    name="privileged",
    shows="what the teachers of the mix's traces were shown, for on-policy self-distillation",
    features=_FEATURES,
    key=pl.col("context_id"),
    rows=_rows,
    empty="no teacher of the mix's traces was shown a context",
    of_mix=True,
    meanings={"prompt": PROMPT, "privileged_context": "what the teacher was shown besides the question"},
    privileged="what teachers were shown, answers and worked solutions included",
    card="In `{{ name }}`, `privileged_context` is what a teacher was shown besides the question under the given "
    "`privilege`: answers and worked solutions, and wrong ones under decoys.",
)
