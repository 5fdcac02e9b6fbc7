"""Columns of published rows: the tables joined to a trace, prompts and answers as chat messages."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from infogap.publish.redaction import public_label
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, MIX, STATED_VERDICTS, TASKS, VERDICTS, Table
from infogap.tasks.question_column import TURNS
from infogap.text.thoughts import ANSWER_TAGS


def columns(table: Table, *names: str) -> dict[str, Any]:
    """Some of a table's columns with their types."""
    return {name: table.schema[name] for name in names}


def all_but(table: Table, *unwanted: str) -> dict[str, Any]:
    """A table's other columns with their types."""
    return {name: dtype for name, dtype in table.schema.items() if name not in unwanted}


def with_tasks(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that have a `task_id`, in their order, with the task's columns; null where there is no task."""
    joined = _add(rows, run.scan(TASKS), "task_id")
    return joined.with_columns(public(joined, "source"))


def joined(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """The traces, in their order, with the columns of the other tables; null where a table has no row."""
    found = with_tasks(run, traces)
    for table in (STATED_VERDICTS, VERDICTS, MEASURES, DUPLICATES, MIX):
        found = _add(found, run.scan(table), "trace_id")
    return found.with_columns(public(found, "teacher"))


def _add(frame: pl.DataFrame, side: pl.LazyFrame, key: str) -> pl.DataFrame:
    needed = side.join(frame.lazy().select(key).unique(), on=key, how="semi").collect()
    return frame.join(needed, on=key, how="left", maintain_order="left", validate="m:1")


def public(frame: pl.DataFrame, column: str) -> pl.Expr:
    """A column of sources or teachers under their published names."""
    labels = frame[column].drop_nulls().unique().to_list()
    return pl.col(column).replace({label: public_label(label) for label in labels})


MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def prompts(run: Run, tasks: pl.DataFrame) -> pl.Series:
    """A prompt for each row with a task's `question` and `metadata`: what an unguided teacher sees.

    That is a message of the user's, whatever a trace's own teacher saw. For imported traces it is the question alone:
    with which instruction they were made is not known. Where they answer a conversation, it is all its turns.
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
    """The turns of a question that is a conversation, from its task's metadata; None for other questions."""
    if metadata is None or f'"{TURNS}"' not in metadata:
        return None
    found: list[dict[str, str]] | None = orjson.loads(metadata).get(TURNS)
    return found


def answers(run: Run) -> pl.Expr:
    """A message of the assistant's each, from the columns of traces and tasks: its thought in tags, then the response.

    The response is without the tags of `<answer>...</answer>`, unless the student's prompt asks for them.
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
