"""Columns of published rows: joins over the run's tables, and prompts and answers as chat messages."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from infogap.balance.mix_table import mix_by_trace
from infogap.publish.redaction import public_label
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, STATED_VERDICTS, TASKS, VERDICTS, Table
from infogap.tasks.question_column import TURNS
from infogap.text.thoughts import ANSWER_TAGS

MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def columns(table: Table, *names: str) -> dict[str, Any]:
    """Return some of a table's columns with their types."""
    return {name: table.schema[name] for name in names}


def all_but(table: Table, *unwanted: str) -> dict[str, Any]:
    """Return a table's other columns with their types."""
    return {name: dtype for name, dtype in table.schema.items() if name not in unwanted}


def with_tasks(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """Join rows that have a `task_id`, in order, with the task's columns; null without a task."""
    joined = _add(rows, run.scan(TASKS), "task_id")
    return joined.with_columns(public(joined, "source"))


def joined(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Join the traces, in order, with the columns of the other tables; null where a table has no row."""
    rows = with_tasks(run, traces)
    for table in (STATED_VERDICTS, VERDICTS, run.stored(MEASURES), DUPLICATES):
        rows = _add(rows, run.scan(table), "trace_id")
    rows = _add(rows, mix_by_trace(run), "trace_id")
    return rows.with_columns(public(rows, "teacher"))


def _add(frame: pl.DataFrame, side: pl.LazyFrame, key: str) -> pl.DataFrame:
    needed = side.join(frame.lazy().select(key).unique(), on=key, how="semi").collect()
    return frame.join(needed, on=key, how="left", maintain_order="left", validate="m:1")


def public(frame: pl.DataFrame, column: str) -> pl.Expr:
    """Replace sources or teachers by their published names."""
    labels = frame[column].drop_nulls().unique().to_list()
    return pl.col(column).replace({label: public_label(label) for label in labels})


def prompts(run: Run, tasks: pl.DataFrame) -> pl.Series:
    """Return a prompt for each row with a task's `question` and `metadata`: what an unguided teacher sees.

    It is one user message, whatever the trace's own teacher saw. For imported traces it is the question alone, as their
    instruction is unknown; for a conversation it is all its turns.
    """
    questions, turns = tasks["question"].to_list(), [turns_of(text) for text in tasks["metadata"]]
    if run.recipe.generate is not None:
        from infogap.privileges.contexts import student_prompt

        questions = [student_prompt(question, run.recipe.generate.instruction) for question in questions]
    messages = [
        known or [{"role": "user", "content": question}] for question, known in zip(questions, turns, strict=True)
    ]
    return pl.Series("prompt", messages, dtype=MESSAGES)


def turns_of(metadata: str | None) -> list[dict[str, str]] | None:
    """Return the turns of a question that is a conversation, from its task's metadata; None for other questions."""
    if metadata is None or f'"{TURNS}"' not in metadata:
        return None
    turns: list[dict[str, str]] | None = orjson.loads(metadata).get(TURNS)
    return turns


def answers(run: Run) -> pl.Expr:
    """Return one assistant message per trace, from the columns of traces and tasks: thought in tags, then response.

    The tags of `<answer>...</answer>` are removed unless the student's prompt asks for them.
    """
    asked = pl.col("question").str.contains("<answer>", literal=True)
    if run.recipe.generate is not None and "<answer>" in run.recipe.generate.instruction:
        asked = pl.lit(True)
    response = pl.when(asked).then("response").otherwise(pl.col("response").str.replace_all(ANSWER_TAGS, "$1"))
    thought = pl.format("<think>\n{}\n</think>\n\n{}", "reasoning", response)
    whole = pl.when(pl.col("reasoning").str.len_bytes() > 0).then(thought).otherwise(response)
    return pl.concat_list(_message("assistant", whole))


def _message(role: str, content: pl.Expr) -> pl.Expr:
    return pl.struct(role=pl.lit(role), content=content)
