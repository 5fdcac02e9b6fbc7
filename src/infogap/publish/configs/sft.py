"""The config `sft`: the mix as conversations."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from infogap.publish.call_template_check import call_notes
from infogap.publish.configs.base import Config, adapted, answer_messages, answers, columns, joined, prompts
from infogap.publish.redaction import public_label
from infogap.publish.sorted_rows import SortedRows, in_order
from infogap.publish.template_check import SAMPLE, Answer, find_chat_template, null_field_notes, template_notes
from infogap.publish.turn_messages import calls_tools, has_calls, padded, turns_in_full, with_calls
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACE_TURNS, TRACES, VERDICTS
from infogap.text.spoken_turns import Message


def _schema(run: Run) -> pl.Schema:
    return pl.Schema(
        {
            "messages": _messages(run),
            **(columns(TRACE_TURNS, "tools") if calls_tools(run) else {}),
            **columns(TRACES, "trace_id", "task_id"),
            **columns(TASKS, "family", "difficulty"),
            **columns(TRACES, "privilege"),
            **columns(VERDICTS, "verdict"),
            **columns(MEASURES, "band"),
            **columns(TRACES, "teacher"),
        }
    )


def _messages(run: Run) -> pl.List:
    return with_calls(answer_messages(run)) if calls_tools(run) else answer_messages(run)


def _rows(run: Run, mix: pl.DataFrame) -> SortedRows:
    """Select the traces of the mix, sorted by id."""
    return SortedRows(run, TRACES, in_order(mix.filter("selected").select("trace_id")), _conversations)


def _conversations(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Make a conversation per trace: the student's prompt, and the trace as the answer or, if it calls tools, turns."""
    schema, dtype = _schema(run), _messages(run)
    calls = has_calls(dtype)
    known = joined(run, traces, {*schema, "turns"} if calls else schema)
    said = answers(run)
    if calls:
        said = pl.coalesce(turns_in_full(run, known["turns"], dtype), padded(said, answer_messages(run), dtype))
    messages = pl.concat_list(prompts(run, known, dtype), said)
    return known.with_columns(messages=messages).select(*schema).match_to_schema(schema)


def answers_with_thoughts(run: Run, traces: pl.DataFrame) -> list[Answer]:
    """Return the first few of these traces that have a thought, by id, to try a chat template on."""
    return _sampled(run, traces, _THINKS, SAMPLE)


def answer_without_thought(run: Run, traces: pl.DataFrame) -> Answer | None:
    """Return the first of these traces that has no thought; None if all have one."""
    return next(iter(_sampled(run, traces, ~_THINKS, 1)), None)


_THINKS = (pl.col("reasoning").str.len_bytes() > 0).fill_null(value=False)


def traces_with_calls(run: Run, traces: pl.DataFrame) -> list[tuple[str, list[Message]]]:
    """Return the ids and messages of the first few of these traces that call tools, to try a chat template on."""
    if not calls_tools(run):
        return []
    wanted = run.scan(TRACE_TURNS).select("trace_id").join(traces.lazy(), on="trace_id", how="semi")
    some = wanted.sort("trace_id").head(SAMPLE).collect()
    frames = SortedRows(run, TRACES, in_order(some), _conversations)
    return [row for frame in frames for row in frame.select("trace_id", "messages").iter_rows()]


def _sampled(run: Run, traces: pl.DataFrame, which: pl.Expr, most: int) -> list[Answer]:
    # A template that keeps the thoughts of single answers may drop those of turns before a tool's result by design.
    wanted = run.scan(TRACES).filter(which).select("trace_id").join(run.scan(TRACE_TURNS), on="trace_id", how="anti")
    some = wanted.join(traces.lazy(), on="trace_id", how="semi").sort("trace_id").head(most).collect()
    apart = run.recipe.publish.model_copy(update={"thinking": "field", "thinking_field": "reasoning_content"})
    in_fields = replace(run, recipe=run.recipe.model_copy(update={"publish": apart}))
    frames = SortedRows(in_fields, TRACES, in_order(some), _conversations)
    rows = [row for frame in frames for row in frame.select("trace_id", "messages").iter_rows()]
    return [
        Answer(
            trace_id,
            [{key: turn[key] for key in ("role", "content")} for turn in prompt],
            answer["reasoning_content"] or "",
            answer["content"],
        )
        for trace_id, (*prompt, answer) in rows
    ]


def where_thoughts_are(run: Run) -> str:
    """Return a sentence for the card on where thoughts are; empty if they are in the text of the answers."""
    asked = run.recipe.publish
    return {
        "inline": "",
        "field": f" The thought is in the answer's field `{asked.thinking_field}`, which is null without a thought.",
        "drop": " The thoughts are left out: the answers are the text that followed them.",
    }[asked.thinking]


def thought_notes(run: Run, traces: pl.DataFrame) -> list[str]:
    """Return notes on what the chat template of `publish.tokenizer` does to the thoughts of these traces."""
    asked = run.recipe.publish
    if asked.tokenizer is None:
        return []
    render = find_chat_template(asked.tokenizer, run.resolve)
    name, form = public_label(asked.tokenizer), (asked.thinking, asked.thinking_field)
    return [
        *template_notes(answers_with_thoughts(run, traces), name, render, form, "conversation"),
        *null_field_notes(answer_without_thought(run, traces), name, render, form, "conversation"),
        *call_notes(traces_with_calls(run, traces), name, render),
    ]


def _as_asked(config: Config, run: Run) -> Config:
    """Return the config with a card and notes that cover `publish.thinking` and `publish.tokenizer`."""
    return adapted(
        config,
        SFT,
        card=(WITH_TURNS if calls_tools(run) else SFT.card) + where_thoughts_are(run),
        meanings=TURNS_MEANINGS if calls_tools(run) else SFT.meanings,
        notes=lambda traces, _rows: thought_notes(run, traces.filter("selected")),
    )


WITH_TURNS = (
    "In `{{ name }}`, `messages` holds one question and its trace. Traces that call tools have several turns: "
    "`tool_calls` are the calls, whose `arguments` are JSON text, messages of the role `tool` are their results, and "
    "`tools` holds the tools' definitions as JSON text. Only the assistant's turns are the teacher's: train on these "
    "alone."
)
TURNS_MEANINGS = {
    "messages": "the student's prompt, then all turns of the trace as chat messages, with calls of tools and their "
    "results",
    "tools": "the definitions of the tools, as JSON text; null if the trace's file has none",
}

SFT = Config(
    name="sft",
    shows="the traces of the mix as conversations, for supervised fine-tuning",
    features=_schema,
    key=pl.col("trace_id"),
    rows=_rows,
    of_mix=True,
    as_asked=_as_asked,
    empty="the mix has no traces",
    meanings={"messages": "the student's prompt and the trace as its answer, as chat messages"},
    card="In `{{ name }}`, `messages` holds one question and one answer.",
)
