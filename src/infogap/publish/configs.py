"""The published configs: their columns, and their rows from a slice of the traces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.publish.public import public_label
from infogap.run import Run
from infogap.schema import DUPLICATES, MEASURES, MIX, TASKS, TRACES, VERDICTS, Table


def _columns(table: Table, *names: str) -> dict[str, Any]:
    return {name: table.schema[name] for name in names}


def _besides(table: Table, *unwanted: str) -> dict[str, Any]:
    return {name: dtype for name, dtype in table.schema.items() if name not in unwanted}


SFT = pl.Schema(
    {
        "messages": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
        **_columns(TRACES, "trace_id", "task_id"),
        **_columns(TASKS, "family", "difficulty"),
        **_columns(TRACES, "privilege"),
        **_columns(VERDICTS, "verdict"),
        **_columns(MEASURES, "band"),
        **_columns(TRACES, "teacher"),
    }
)

# Neither the contexts nor the worked solutions: privileged text is not published. Nor the errors of failed
# requests and the details of verdicts, which can name servers; `finish_reason` is "error" where a request failed.
TRACES_PUBLISHED = pl.Schema(
    {
        **_columns(TRACES, "trace_id", "task_id"),
        **_columns(TASKS, "source", "family", "difficulty", "verifier", "question", "answer"),
        **_besides(TRACES, "trace_id", "task_id", "error"),
        **_besides(VERDICTS, "trace_id", "detail"),
        **_besides(MEASURES, "trace_id"),
        **_columns(DUPLICATES, "duplicate_of", "jaccard"),
        **_besides(MIX, "trace_id"),
    }
)


def sft_rows(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Conversations for SFT: the prompt is the one an unguided teacher sees, whatever the trace's privilege.

    For imported traces it is the question alone: with which instruction they were made is not known.
    """
    joined = _joined(run, traces)
    prompts = pl.Series("prompt", _prompts(run, joined["question"].to_list()), dtype=pl.String)
    thought = pl.format("<think>\n{}\n</think>\n\n{}", "reasoning", "response")
    answer = pl.when(pl.col("reasoning").str.len_bytes() > 0).then(thought).otherwise(pl.col("response"))
    messages = pl.concat_list(_message("user", pl.col("prompt")), _message("assistant", answer))
    return joined.with_columns(prompts).with_columns(messages=messages).select(*SFT).match_to_schema(SFT)


def trace_rows(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Every trace with its task, verdict, measurements, duplicate and place in the mix."""
    return _joined(run, traces).select(*TRACES_PUBLISHED).match_to_schema(TRACES_PUBLISHED)


@dataclass(frozen=True)
class Config:
    """A view of the dataset. `rows` gives its rows for a slice of the traces, in the slice's order."""

    name: str
    schema: pl.Schema
    selected_only: bool  # the traces of the mix, or all
    rows: Callable[[Run, pl.DataFrame], pl.DataFrame]
    shows: str


CONFIGS = {
    config.name: config
    for config in (
        Config("sft", SFT, True, sft_rows, "the traces of the mix as conversations, for supervised fine-tuning"),
        Config("traces", TRACES_PUBLISHED, False, trace_rows, "every trace with everything measured of it"),
    )
}


def _prompts(run: Run, questions: list[str]) -> list[str]:
    if run.recipe.generate is None:
        return questions
    from infogap.privilege.render import student_prompt

    return [student_prompt(question, run.recipe.generate.instruction) for question in questions]


def _message(role: str, content: pl.Expr) -> pl.Expr:
    return pl.struct(role=pl.lit(role), content=content)


def _joined(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """The traces, in their order, with the columns of the other tables; null where a table has no row."""
    joined = _add(traces, run.scan(TASKS), "task_id")
    for table in (VERDICTS, MEASURES, DUPLICATES, MIX):
        joined = _add(joined, run.scan(table), "trace_id")
    return joined.with_columns(_public(joined, "source"), _public(joined, "teacher"))


def _add(frame: pl.DataFrame, side: pl.LazyFrame, key: str) -> pl.DataFrame:
    needed = side.join(frame.lazy().select(key).unique(), on=key, how="semi").collect()
    return frame.join(needed, on=key, how="left", maintain_order="left", validate="m:1")


def _public(frame: pl.DataFrame, column: str) -> pl.Expr:
    labels = frame[column].drop_nulls().unique().to_list()
    return pl.col(column).replace({label: public_label(label) for label in labels})
