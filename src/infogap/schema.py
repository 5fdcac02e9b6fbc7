"""The columns of every table: the one place that defines what infogap writes.

A table is a folder of Parquet parts in the run folder. `Table.schema` holds its columns as Polars
types; `features` gives the same columns as `datasets.Features`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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
    """A table's name, which is also its folder's, its key and its columns.

    The files of an `extensible` table may hold more columns; `Run.stored` returns all of them.
    """

    name: str
    key: str
    schema: pl.Schema
    extensible: bool = False

    def empty(self) -> pl.DataFrame:
        """Return a frame with these columns and no rows."""
        return pl.DataFrame(schema=self.schema)

    def frame(self, rows: list[dict[str, Any]]) -> pl.DataFrame:
        """Make a frame of the declared types from rows, dicts with exactly the table's columns."""
        return pl.DataFrame(rows, schema=self.schema, strict=True)

    def extended(self, columns: Mapping[str, Any]) -> Table:
        """Return the table with more columns after its own."""
        return replace(self, schema=pl.Schema({**self.schema, **columns})) if columns else self


TASKS = Table(
    "tasks",
    "task_id",
    pl.Schema(
        {
            "task_id": pl.String,
            "source": pl.String,  # the recipe's `from`, or reasoning_gym/NAME
            "family": pl.String,
            "difficulty": pl.String,  # as in the source; null if it has none
            "question": pl.String,
            "answer": pl.String,  # the gold answer
            "solution": pl.String,  # worked; null if there is none
            "verifier": pl.String,
            "metadata": pl.String,  # JSON: what else the verifier needs, and where the row came from
        }
    ),
)
CONTEXTS = Table(
    "contexts",
    "context_id",
    pl.Schema({"context_id": pl.String, "task_id": pl.String, "privilege": pl.String, "text": pl.String}),
)
TRACES = Table(
    "traces",
    "trace_id",
    pl.Schema(
        {
            "trace_id": pl.String,
            "task_id": pl.String,
            "privilege": pl.String,
            "context_id": pl.String,  # null under unguided, and if an imported context is unknown
            "teacher": pl.String,
            "sample": pl.Int64,
            "seed": pl.Int64,
            "round": pl.Int64,
            "reasoning": pl.String,  # the thinking part; empty if there is none
            "response": pl.String,
            # stop | length | error, filtered, too_long (no answer: `error` says why) | null (imported and not stated)
            # | an unknown word of the server or the file
            "finish_reason": pl.String,
            "prompt_tokens": pl.Int64,
            "completion_tokens": pl.Int64,
            "error": pl.String,  # why a request has no answer; null otherwise
        }
    ),
)
TOKENS = Table(
    "tokens",
    "trace_id",
    pl.Schema(
        {
            "trace_id": pl.String(),
            "logprobs": pl.List(pl.Float32),  # nats, of each token that the teacher wrote
            "entropies": pl.List(pl.Float32),  # nats, at each token; a lower bound, from the most likely tokens
        }
    ),
)
STATED_VERDICTS = Table(
    "stated_verdicts",
    "trace_id",
    pl.Schema({"trace_id": pl.String, "stated_verdict": pl.String}),  # an imported file's own label, as written there
)
VERDICTS = Table(
    "verdicts",
    "trace_id",
    pl.Schema(
        {
            "trace_id": pl.String,
            "verdict": pl.String,  # correct | wrong | no_answer | truncated | ungradable
            "extracted_answer": pl.String,
            "score": pl.Float64,  # 0..1
            "detail": pl.String,  # why, if the verdict alone does not say it
        }
    ),
)
_MEASURED: dict[str, pl.DataType | type[pl.DataType]] = {
    "trace_id": pl.String,
    "words": pl.Int64,
    "reasoning_words": pl.Int64,
    "epistemic_count": pl.Int64,  # by the recipe's first lexicon, as are the next three
    "epistemic_density": pl.Float64,  # per 1,000 of `density_per`
    "density_per": pl.String,  # tokens | words (if the teacher's tokens are not known)
    "band": pl.String,  # uncertain | mixed | confident
    "markers": MARKER_COUNTS,
    "lexicons": LEXICON_COUNTS,  # these for every lexicon of the recipe
    "self_corrections": pl.Int64,
    "answer_changes": pl.Int64,  # how often a stated answer differs from the one stated before it
    "fork_rate": pl.Float64,  # share of tokens whose entropy is above the recipe's threshold; null if not recorded
    "gap": pl.Float64,  # nats, as are the next two; null if the traces are not scored
    "gap_per_token": pl.Float64,
    "surprisal": pl.Float64,  # per token under the student's prompt
    "rsr": pl.Float64,  # Rank-Surprisal Ratio under the student's prompt; null if the scorer gives no ranks
    "leak": pl.Boolean,
    "leaks": LEAKS,  # character spans in reasoning + "\n" + response
    "copied_share": pl.Float64,  # of its 8-grams, those in the context and not in the question; null: no context
    "longest_copy": pl.Int64,  # words in the longest run copied from the context; null without one
}
# A recipe's own measures add columns.
MEASURES = Table("measures", "trace_id", pl.Schema(_MEASURED), extensible=True)
GAPS = Table(
    "gaps",
    "trace_id",
    pl.Schema(
        {
            "trace_id": pl.String(),
            "scorer": pl.String(),  # the model that scored the trace
            "tokens": pl.Int64(),  # of the trace, as that model reads it
            "gap": pl.Float64(),  # nats: the trace under its teacher's prompt less under the student's
            "gap_per_token": pl.Float64(),
            "gap_share": pl.Float64(),  # of the tokens whose gap is above the recipe's threshold
            "surprisal": pl.Float64(),  # nats per token under the student's prompt
            "ifd": pl.Float64(),  # perplexity under the student's prompt over that without any
            "rsr": pl.Float64(),  # Rank-Surprisal Ratio: clipped ranks over surprisals, under the student's prompt
            "answer_confidence": pl.Float64(),  # probability of the final answer's tokens under the student's prompt
            # The same gap with another context in place of the teacher's; null where there is no such context.
            "other_contexts": pl.List(
                pl.Struct({"context": pl.String(), "gap": pl.Float64(), "gap_per_token": pl.Float64()})
            ),
            "detail": pl.String(),  # why numbers are missing; null where none is
        }
    ),
)
TOKEN_GAPS = Table(
    "token_gaps",
    "trace_id",
    pl.Schema(
        {
            "trace_id": pl.String(),
            "tokens": pl.List(pl.String()),  # their texts: together the trace, the tags of its thought in place
            "gaps": pl.List(pl.Float32()),  # nats; null where the context is not known
            "surprisals": pl.List(pl.Float32()),  # nats, under the student's prompt
        }
    ),
)
DUPLICATES = Table(
    "duplicates",
    "trace_id",
    pl.Schema(
        {
            "trace_id": pl.String,  # the removed trace
            "duplicate_of": pl.String,  # the kept trace
            "jaccard": pl.Float64,  # exact, of the word n-gram sets
            "how": pl.String,  # exact | minhash
        }
    ),
)
CONTAMINATION = Table(
    "contamination",
    "id",
    pl.Schema(
        {
            "where": pl.String,  # question | trace | context
            "id": pl.String,  # task_id, trace_id or context_id
            "task_id": pl.String,
            "eval_set": pl.String,
            "eval_row": pl.Int64,  # of the evaluation set's file or dataset, from 1
            "ngrams": pl.Int64,  # distinct ones that the text shares with the evaluation question
            "share": pl.Float64,  # of the evaluation question's words, those in shared n-grams
            "tasks": pl.Int64,  # of this run that have even the rarest of these n-grams
            "questions": pl.Int64,  # distinct evaluation questions that have even the rarest of them
            "common": pl.Boolean,  # all of them are in many tasks or questions: a phrase rather than a question
            "matched": pl.String,  # the longest shared passage, as written in the text
        }
    ),
)
MIX = Table(
    "mix",
    "trace_id",
    pl.Schema(
        {
            "mix": pl.String,  # its name; `mix` if the recipe names none
            "trace_id": pl.String,
            "selected": pl.Boolean,
            "stratum": pl.String,  # "band=mixed verdict=correct family=gcd"; null if it has none
            # selected | over_quota | max_per_task | max_per_cluster | not_in_mix | correct, wrong, no_answer,
            # truncated, ungradable (a verdict that has no share) | contaminated | duplicate | leak | no_response
            # | error | task_not_selected | excluded_by_where | held_out | other_teacher | task_not_drawn | unmatched
            "reason": pl.String,
        }
    ),
)
ANNOTATIONS = Table(
    "annotations",
    "trace_id",
    pl.Schema(
        {
            "trace_id": pl.String,
            "tag": pl.String,  # a person's word for the trace; empty if there is a note alone
            "note": pl.String,  # what a person remarked; empty if there is a tag alone
        }
    ),
)
TABLES = {
    table.name: table
    for table in (
        TASKS,
        CONTEXTS,
        TRACES,
        TOKENS,
        STATED_VERDICTS,
        VERDICTS,
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
