"""Traces that call tools, as chat messages: every turn with its calls, in the form of OpenAI's API.

Arguments of calls and definitions of tools are JSON text: as structs of a Parquet column, the arguments of different
tools would fill each other with nulls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from infogap.errors import InputError
from infogap.recipe.publish_section import holds_single_answers
from infogap.runs.run_folder import Run
from infogap.schema import TRACE_TURNS, TRACES
from infogap.text.spoken_turns import THOUGHT, Message, read_turns, tool_results
from infogap.text.thoughts import CLOSING, OPENING

CALLS = pl.List(
    pl.Struct({"id": pl.String, "type": pl.String, "function": pl.Struct({"name": pl.String, "arguments": pl.String})})
)
_FIELDS: dict[str, Any] = {"tool_calls": CALLS, "tool_call_id": pl.String, "name": pl.String}


def calls_tools(run: Run) -> bool:
    """Return True if some trace of the run calls tools; only imported ones do."""
    return run.recipe.imports and run.rows(TRACE_TURNS) > 0


def with_calls(messages: pl.List) -> pl.List:
    """Return the type of messages with the fields of calls and of their results."""
    assert isinstance(messages.inner, pl.Struct)
    more = [pl.Field(name, dtype) for name, dtype in _FIELDS.items()]
    return pl.List(pl.Struct([*messages.inner.fields, *more]))


def has_calls(dtype: Any) -> bool:
    """Return True for the type of messages that can call tools."""
    inner = dtype.inner if isinstance(dtype, pl.List) else None
    return isinstance(inner, pl.Struct) and any(each.name == "tool_calls" for each in inner.fields)


def turns_in_full(run: Run, written: pl.Series, messages: pl.List) -> pl.Series:
    """Return the turns of traces that call tools as messages of a type; null for other traces."""
    return pl.Series(
        [None if text is None else list(_messages(run, read_turns(text))) for text in written], dtype=messages
    )


def padded(messages: pl.Expr, have: pl.List, wanted: pl.List) -> pl.Expr:
    """Add the fields that messages of one type lack for another; they are null."""
    assert isinstance(have.inner, pl.Struct)
    assert isinstance(wanted.inner, pl.Struct)
    there = {each.name for each in have.inner.fields}
    fields = [
        (pl.element().struct.field(each.name) if each.name in there else pl.lit(None, each.dtype)).alias(each.name)
        for each in wanted.inner.fields
    ]
    return messages.list.eval(pl.struct(fields))


def _messages(run: Run, turns: Iterable[Message]) -> Iterator[Message]:
    """Yield the turns with thoughts in the form that `publish.thinking` asks for."""
    asked = run.recipe.publish
    for turn in turns:
        thought = turn.get(THOUGHT)
        message = {name: value for name, value in turn.items() if name != THOUGHT}
        if thought and asked.thinking == "field":
            message[asked.thinking_field] = thought
        elif thought and asked.thinking == "inline":
            message["content"] = f"{OPENING}\n{thought}\n{CLOSING}\n\n{turn['content']}".rstrip()
        yield message


class ToolResults:
    """What is in the traces of a run and not their teacher's: results of tools, and turns of the user."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._calls = calls_tools(run)

    def of(self, frame: pl.DataFrame, row: int) -> str:
        """Return it for the trace of a published row; empty if the row names no trace, or that calls no tools."""
        if not self._calls or frame.schema.get(TRACES.key) != pl.String:
            return ""
        found = self._run.scan(TRACE_TURNS).filter(trace_id=frame[TRACES.key][row]).collect()["turns"]
        return "\n\n".join(tool_results(read_turns(written)) for written in found)


def refuse_turns(run: Run, traces: pl.DataFrame, config: str) -> None:
    """Raise InputError if some of these traces call tools: a config of single answers cannot hold them."""
    if not calls_tools(run):
        return
    calling = run.scan(TRACE_TURNS).join(traces.lazy().select(TRACES.key), on=TRACES.key, how="semi").select(TRACES.key)
    ids = calling.collect()[TRACES.key].sort()
    if len(ids):
        raise InputError(
            f"publish.configs: {holds_single_answers(config)}; {len(ids):,} of its traces do (the first is {ids[0]})"
        )
