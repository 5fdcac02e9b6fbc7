"""The columns of every table: the one place that defines what infogap writes.

A table is a folder of Parquet parts in the run folder. `Table.schema` holds its columns as Polars
types; `features` gives the same columns as `datasets.Features`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from datasets import Features

MARKER_COUNTS = pl.List(pl.Struct({"marker": pl.String, "count": pl.Int64}))
LEXICON_COUNTS = pl.List(
    pl.Struct(
        {
            "lexicon": pl.String,
            "epistemic_count": pl.Int64,
            "epistemic_density": pl.Float64,
            "markers": MARKER_COUNTS,
            "categories": pl.List(pl.Struct({"category": pl.String, "count": pl.Int64})),
            "reasoning_count": pl.Int64,  # markers in the thinking part; the others are in the response
            "first": pl.Float64,  # where the first marker begins, as a share of the text's characters
            "quarters": pl.List(pl.Int64),  # markers in each quarter of the text
        }
    )
)
LEAKS = pl.List(
    pl.Struct({"kind": pl.String, "rule": pl.String, "start": pl.Int64, "end": pl.Int64, "evidence": pl.String})
)


@dataclass(frozen=True)
class Table:
    """A table's name, which is also its folder's, its key, its columns and what each of them means.

    The files of an `extensible` table may hold more columns; `Run.stored` returns all of them.
    """

    name: str
    key: str
    schema: pl.Schema
    extensible: bool = False
    meanings: Mapping[str, str] = field(default_factory=dict)
    """What each column means, in Markdown: for the card and the docs."""

    @classmethod
    def of(cls, name: str, key: str, columns: Mapping[str, tuple[Any, str]], *, extensible: bool = False) -> Table:
        """Make a table from its columns: by name, the Polars type and the meaning."""
        schema = pl.Schema({column: dtype for column, (dtype, _) in columns.items()})
        return cls(name, key, schema, extensible, {column: meaning for column, (_, meaning) in columns.items()})

    def empty(self) -> pl.DataFrame:
        """Return a frame with these columns and no rows."""
        return pl.DataFrame(schema=self.schema)

    def frame(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """Make a frame of the declared types from rows, dicts with exactly the table's columns."""
        return pl.DataFrame(rows, schema=self.schema, strict=True)

    def extended(self, columns: Mapping[str, Any]) -> Table:
        """Return the table with more columns after its own."""
        return replace(self, schema=pl.Schema({**self.schema, **columns})) if columns else self


TASKS = Table.of(
    "tasks",
    "task_id",
    {
        "task_id": (pl.String, "a hash of question, gold answer and verifier"),
        "source": (pl.String, "the recipe's `from`, or `reasoning_gym/NAME`"),
        "family": (pl.String, "the kind of task; the mix can be spread evenly over families"),
        "difficulty": (pl.String, "from the source, as text; null if the source has none"),
        "question": (pl.String, "the question that the student will see"),
        "answer": (pl.String, "the gold answer; null if an imported trace has none"),
        "solution": (pl.String, "the worked solution; null if there is none"),
        "verifier": (
            pl.String,
            "`math`, `choice`, `exact`, `numeric`, `regex`, `code`, `consensus`, `judge`, `gym`, or "
            "`module:function`: what grades its traces",
        ),
        "metadata": (
            pl.String,
            "JSON: the row it came from, further settings of the verifier, and the turns of a question that is a "
            "conversation",
        ),
    },
)
CONTEXTS = Table.of(
    "contexts",
    "context_id",
    {
        "context_id": (pl.String, "a hash of task, privilege and text"),
        "task_id": (pl.String, "the task that it belongs to"),
        "privilege": (pl.String, "the privilege under which it is shown"),
        "text": (pl.String, "what the teacher saw besides the question"),
    },
)
TRACES = Table.of(
    "traces",
    "trace_id",
    {
        "trace_id": (
            pl.String,
            "a hash of teacher, prompt, sampling parameters and seed; for an imported trace, a hash of its content",
        ),
        "task_id": (pl.String, "the task that it answers"),
        "privilege": (pl.String, "what its teacher was shown besides the question, by its name in the recipe"),
        "context_id": (pl.String, "the context that its teacher saw; null under `unguided` and if it is unknown"),
        "teacher": (pl.String, "the model or, with several `teachers`, its name in the recipe"),
        "sample": (pl.Int64, "which of the task's samples it is, from 0"),
        "seed": (pl.Int64, "the seed of its request; null for imported traces"),
        "round": (pl.Int64, "the round in which it was sampled, from 0: a round can show traces of earlier rounds"),
        "reasoning": (pl.String, "the thinking part without tags; empty if there is none"),
        "response": (pl.String, "what follows the thinking part"),
        "finish_reason": (
            pl.String,
            "`stop`, `length` (truncated at the token limit); without a response `error`, `filtered` (by the server) "
            "or `too_long` (prompt and answer do not fit in the context); another word of the server or the file; null "
            "if an import does not state it",
        ),
        "prompt_tokens": (pl.Int64, "number of tokens of the teacher's prompt, by its tokenizer"),
        "completion_tokens": (pl.Int64, "number of tokens that the teacher wrote, by its tokenizer"),
        "error": (pl.String, "why a request has no response; null otherwise"),
    },
)
# What models wrote for contexts: requests like those for traces, and stored in the same way.
NOTES = replace(
    TRACES,
    name="notes",
    meanings={
        **TRACES.meanings,
        "trace_id": "the note's id: a hash of its writer, prompt, sampling parameters and seed",
        "task_id": "the task of the attempts that it is about",
        "privilege": "the privilege for whose contexts it was written, by its name in the recipe",
        "context_id": "of a critique: the `trace_id` of the attempt; null for a lesson",
        "teacher": "the teacher that wrote it: the model or, with several `teachers`, its name in the recipe",
        "sample": "0, or 1 if it was requested again as the first one could not be used",
        "round": "the wave in which it was requested, from 0",
    },
)
SHOWN_NOTES = Table.of(
    "shown_notes",
    "context_id",
    {
        "context_id": (pl.String, "the context that shows the note"),
        "note_id": (pl.String, "the note: `trace_id` in the table `notes`"),
        "task_id": (pl.String, "the task of the attempts that it is about"),
        "kind": (pl.String, "`critique` or `lesson`"),
        "states_answer": (
            pl.Boolean,
            "whether it gives away the gold answer of the context's task; never true of a lesson",
        ),
    },
)
TOKENS = Table.of(
    "tokens",
    "trace_id",
    {
        "trace_id": (pl.String(), "the trace"),
        "logprobs": (pl.List(pl.Float32), "each token's log-probability, in nats"),
        "entropies": (
            pl.List(pl.Float32),
            "the entropy at each token's position, in nats, over the K most likely tokens plus the rest as one more "
            "outcome: a lower bound of the entropy over the whole vocabulary",
        ),
    },
)
STATED_VERDICTS = Table.of(
    "stated_verdicts",
    "trace_id",
    {
        "trace_id": (pl.String, "the trace"),
        "stated_verdict": (pl.String, "an imported file's own label of the trace, unchanged"),
    },
)
TRACE_TURNS = Table.of(
    "turns",
    "trace_id",
    {
        "trace_id": (pl.String, "the trace"),
        "turns": (
            pl.String,
            "JSON: its messages from the first of the assistant on, with `role`, `content` and, where they have them, "
            "`reasoning_content`, `tool_calls`, `tool_call_id` and `name`",
        ),
        "tools": (pl.String, "JSON: the definitions of the tools; null if the file has none"),
    },
)
VERDICTS = Table.of(
    "verdicts",
    "trace_id",
    {
        "trace_id": (pl.String, "the trace"),
        "verdict": (pl.String, "`correct`, `wrong`, `no_answer`, `truncated` or `ungradable`"),
        "extracted_answer": (pl.String, "the final answer that the response states"),
        "score": (pl.Float64, "0 to 1; null if ungradable"),
        "detail": (pl.String, "the reason, if the verdict alone does not show it"),
    },
)
# Derived traces and their verdicts: further parts of both tables, in folders of their own.
DERIVED = replace(TRACES, name="derived")
DERIVED_VERDICTS = replace(VERDICTS, name="derived_verdicts")
FURTHER_PARTS = {TRACES.name: DERIVED.name, VERDICTS.name: DERIVED_VERDICTS.name}
"""The folder that holds further parts of a table, where the recipe derives traces."""
DERIVATIONS = Table.of(
    "derivations",
    "trace_id",
    {
        "trace_id": (pl.String, "the derived trace"),
        "parent_id": (pl.String, "the trace that it was made from"),
        "derived": (pl.String, "the name of the change, as the recipe's `derive` calls it"),
    },
)
# A recipe's own measures add columns.
MEASURES = Table.of(
    "measures",
    "trace_id",
    {
        "trace_id": (pl.String, "the trace"),
        "words": (pl.Int64, "number of words in the trace; a Chinese character counts as one"),
        "reasoning_words": (pl.Int64, "number of words in the thinking part"),
        "epistemic_count": (pl.Int64, "number of markers, by the recipe's first lexicon"),
        "epistemic_density": (pl.Float64, "markers per 1,000 of `density_per`, by the first lexicon"),
        "density_per": (pl.String, "`tokens`, or `words` if the number of tokens is unknown"),
        "band": (
            pl.String,
            "`confident`, `mixed` or `uncertain`, by the recipe's cut points; null for a trace without text",
        ),
        "markers": (MARKER_COUNTS, "how often each marker of the first lexicon occurs"),
        "lexicons": (
            LEXICON_COUNTS,
            "the same for every lexicon of the recipe, and by category; `reasoning_count` (markers in the thinking "
            "part), `first` (where the first one begins, as a share of the text), `quarters` (markers in each quarter "
            "of the text)",
        ),
        "self_corrections": (pl.Int64, "number of self-correction markers, by infogap's lexicon"),
        "answer_changes": (pl.Int64, "how often a stated answer differs from the previous one"),
        "fork_rate": (
            pl.Float64,
            "share of tokens whose entropy is above `measure.fork_entropy`; null if `teacher.logprobs` is not set",
        ),
        "gap": (
            pl.Float64,
            "the information gap: log-probability after the teacher's prompt minus that after the student's, in nats; "
            "null without `measure.gap`",
        ),
        "gap_per_token": (pl.Float64, "the gap divided by the number of tokens"),
        "surprisal": (pl.Float64, "mean of -log p per token after the student's prompt, in nats"),
        "rsr": (pl.Float64, "Rank-Surprisal Ratio after the student's prompt; null if the scorer gives no ranks"),
        "leak": (pl.Boolean, "whether the trace shows what only its teacher saw"),
        "leaks": (
            LEAKS,
            "the places that show it: `kind`, `rule`, and `start` and `end` in characters of reasoning, a line break "
            "and response",
        ),
        "copied_share": (
            pl.Float64,
            "share of the trace's word 8-grams that occur in its context but not in its question; null without a "
            "context, or with fewer than 8 words",
        ),
        "longest_copy": (
            pl.Int64,
            "number of words in the longest passage that the trace shares with its context but not with its question; "
            "null without a context",
        ),
    },
    extensible=True,
)
GAPS = Table.of(
    "gaps",
    "trace_id",
    {
        "trace_id": (pl.String(), "the trace"),
        "scorer": (pl.String(), "the model that computed the probabilities"),
        "tokens": (
            pl.Int64(),
            "number of tokens of the trace by the scorer's tokenizer, including the tags of its thought",
        ),
        "gap": (
            pl.Float64(),
            "log-probability of the trace after its teacher's prompt minus that after the student's; exactly 0 for a "
            "trace whose teacher was shown nothing",
        ),
        "gap_per_token": (pl.Float64(), "the gap divided by the number of tokens"),
        "gap_share": (pl.Float64(), "share of the tokens whose own gap is above the recipe's `threshold`"),
        "surprisal": (pl.Float64(), "mean of -log p per token after the student's prompt"),
        "ifd": (pl.Float64(), "perplexity after the student's prompt divided by the perplexity without a prompt"),
        "rsr": (
            pl.Float64(),
            "Rank-Surprisal Ratio after the student's prompt: the tokens' ranks, at most 100 each, divided by their "
            "surprisals; null if the scorer gives no ranks",
        ),
        "answer_confidence": (
            pl.Float64(),
            "probability of the final answer's tokens, at its last occurrence, after the student's prompt and the "
            "trace up to there",
        ),
        "other_contexts": (
            pl.List(pl.Struct({"context": pl.String(), "gap": pl.Float64(), "gap_per_token": pl.Float64()})),
            "list of `context`, `gap`, `gap_per_token`: the same gap with another context instead of the teacher's; "
            "null if the task or the trace has no such context",
        ),
        "detail": (pl.String(), "why a number is missing"),
    },
)
TOKEN_GAPS = Table.of(
    "token_gaps",
    "trace_id",
    {
        "trace_id": (pl.String(), "the trace"),
        "tokens": (
            pl.List(pl.String()),
            "the text of each token; together they form the trace, including the tags of its thought",
        ),
        "gaps": (pl.List(pl.Float32()), "each token's gap in nats; null if the context is unknown"),
        "surprisals": (pl.List(pl.Float32()), "each token's -log p after the student's prompt, in nats"),
    },
)
DUPLICATES = Table.of(
    "duplicates",
    "trace_id",
    {
        "trace_id": (pl.String, "the removed trace"),
        "duplicate_of": (pl.String, "the trace that is kept instead, which is never removed itself"),
        "jaccard": (
            pl.Float64,
            "Jaccard similarity of the two texts' sets of word n-grams: exact, unless the recipe has `verify: false`",
        ),
        "how": (pl.String, "`exact` (the same words in the same order) or `minhash`"),
    },
)
CONTAMINATION = Table.of(
    "contamination",
    "id",
    {
        "where": (pl.String, "`question`, `trace` or `context`"),
        "id": (pl.String, "the `task_id`, `trace_id` or `context_id`"),
        "task_id": (pl.String, "the task that the text belongs to"),
        "eval_set": (pl.String, "the name of the evaluation set"),
        "eval_row": (pl.Int64, "the row in its file or dataset, from 1"),
        "ngrams": (pl.Int64, "number of different n-grams that the text shares with the evaluation question"),
        "share": (pl.Float64, "share of the evaluation question's words that are in shared n-grams"),
        "tasks": (pl.Int64, "number of this run's tasks that have even the rarest of these n-grams"),
        "questions": (pl.Int64, "number of evaluation questions that have even the rarest of them"),
        "common": (
            pl.Boolean,
            "true if each of these n-grams occurs in 10 tasks or in 3 evaluation questions: a common phrase rather "
            "than a question",
        ),
        "matched": (pl.String, "the longest shared passage, as written in the text"),
    },
)
MIX = Table.of(
    "mix",
    "trace_id",
    {
        "mix": (pl.String, "the mix's name; `mix` if the recipe names none"),
        "trace_id": (pl.String, "the trace"),
        "selected": (pl.Boolean, "whether the trace is in the mix"),
        "stratum": (
            pl.String,
            "the values that its share depends on, such as `band=mixed verdict=correct`; null if none",
        ),
        "reason": (pl.String, "`selected`, or why the trace is not in the mix"),
    },
)
ANNOTATIONS = Table.of(
    "annotations",
    "trace_id",
    {
        "trace_id": (pl.String, "the trace"),
        "tag": (pl.String, "a word or two for the trace; empty if there is a note alone"),
        "note": (pl.String, "a remark; empty if there is a tag alone"),
    },
)
TABLES = {
    table.name: table
    for table in (
        TASKS,
        CONTEXTS,
        TRACES,
        NOTES,
        SHOWN_NOTES,
        TOKENS,
        STATED_VERDICTS,
        TRACE_TURNS,
        VERDICTS,
        DERIVATIONS,
        GAPS,
        TOKEN_GAPS,
        MEASURES,
        DUPLICATES,
        CONTAMINATION,
        MIX,
        ANNOTATIONS,
    )
}

_SCALARS = {pl.String: "string", pl.Int64: "int64", pl.Float64: "float64", pl.Float32: "float32", pl.Boolean: "bool"}

VERDICT_NAMES = ("correct", "wrong", "no_answer", "truncated", "ungradable")
BAND_NAMES = ("uncertain", "mixed", "confident")


def features(schema: pl.Schema) -> Features:
    """Convert columns to `datasets.Features`."""
    from datasets import Features

    return Features({name: _feature(dtype) for name, dtype in schema.items()})


def storable(dtype: Any) -> bool:
    """Return whether a table, and a published config, may have a column of a Polars type."""
    if isinstance(dtype, pl.List):
        return storable(dtype.inner)
    if isinstance(dtype, pl.Struct):
        return all(storable(field.dtype) for field in dtype.fields)
    return isinstance(dtype, pl.DataType | type(pl.DataType)) and dtype in _SCALARS


def _feature(dtype: pl.DataType) -> Any:
    from datasets import List, Value

    if isinstance(dtype, pl.List):
        return List(_feature(dtype.inner))  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        return {field.name: _feature(field.dtype) for field in dtype.fields}  # type: ignore[arg-type]
    return Value(_SCALARS[dtype.base_type()])  # within lists and structs Polars keeps the class itself
