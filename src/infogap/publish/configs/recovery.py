"""The configs `recovery` and `recovery_trace`: a wrong attempt and the corrected one, as a conversation or one trace.

The conversation has the wrong attempt without its thought, as a teacher under `verifier` sees it, and as chat templates
show earlier turns. The trace has both thoughts, with words of doubt between them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from infogap.privileges.template_sets import load_wording
from infogap.publish.configs.base import (
    MESSAGES,
    PROMPT,
    Config,
    adapted,
    answer_messages,
    answer_of,
    answers,
    columns,
    joined,
    of_derived,
    prompts,
    responses,
)
from infogap.publish.configs.sft import where_thoughts_are
from infogap.publish.recovery_pairs import SHOWN, recovery_pairs, tasks_without_recovery
from infogap.publish.sorted_rows import SortedRows
from infogap.publish.turn_messages import refuse_turns
from infogap.recipe.recovery_words import Recovery
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES
from infogap.text.thoughts import OPENING

_HALVES = ("wrong", "right")
_OF_EACH = columns(TRACES, "privilege") | columns(MEASURES, "band", "epistemic_density", "words")
_BETWEEN = "\n\n"
ADDED_TO_PROMPT = 2
"""The messages of a prompt of `recovery` after the student's prompt: the wrong attempt and the verdict."""
_Form = Callable[[Run, pl.DataFrame], pl.DataFrame]  # makes the rows of a config of what is known of both attempts


def _schema(run: Run, own: dict[str, Any]) -> pl.Schema:
    """Return the columns; `own` are those of one form only."""
    of_each = {f"{half}_{name}": dtype for name, dtype in _OF_EACH.items() for half in _HALVES}
    return pl.Schema(
        {
            "prompt": MESSAGES,
            "completion": answer_messages(run),
            **own,
            "wrong_id": TRACES.schema["trace_id"],
            "right_id": TRACES.schema["trace_id"],
            "pairing": pl.String,
            **columns(TRACES, "task_id"),
            **columns(TASKS, "family", "difficulty"),
            **columns(TRACES, "teacher"),
            **of_each,
        }
    )


def verdict_said(run: Run) -> str:
    """Return what the user says of a wrong attempt: the recipe's words, or else those of its wording."""
    asked, generate = run.recipe.publish.recovery, run.recipe.generate
    if asked is not None and asked.verdict is not None:
        return asked.verdict
    return load_wording(generate.wording if generate is not None else "infogap").verdict


def doubt_said(run: Run) -> str:
    """Return the words between the two thoughts of a trace."""
    return (run.recipe.publish.recovery or Recovery()).doubt


def _rows(run: Run, mix: pl.DataFrame, name: str, form: _Form) -> SortedRows:
    """Give both traces of each pair the same place; the column `wrong` tells them apart."""
    paired = recovery_pairs(run, mix)
    refuse_turns(run, pl.concat([paired.select(trace_id=f"{half}_id") for half in _HALVES]), name)
    numbered = paired.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    halves = [
        numbered.select("place", "pairing", trace_id=f"{half}_id", wrong=pl.lit(half == "wrong")) for half in _HALVES
    ]
    return SortedRows(run, TRACES, pl.concat(halves), partial(_halves_joined, form=form))


def _halves_joined(run: Run, traces: pl.DataFrame, form: _Form) -> pl.DataFrame:
    """Make a row per pair of the right trace, with what is known of the wrong one, in the given form."""
    known = joined(run, traces, {*_OF_EACH}).with_columns(said=responses(run))

    def of(half: str) -> list[pl.Expr]:
        named = [pl.col(name).alias(f"{half}_{name}") for name in _OF_EACH]
        return [pl.col("trace_id").alias(f"{half}_id"), *named]

    wrong = known.filter("wrong").select("place", *of("wrong"), tried="said", thought="reasoning")
    right = known.filter(~pl.col("wrong")).with_columns(*of("right"))
    both = right.join(wrong, on="place", maintain_order="left", validate="1:1")
    return form(run, both.with_columns(prompts(run, both)))


def _conversation(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """Put the wrong attempt and the verdict into the prompt."""
    attempt = _message("assistant", pl.col("tried"))
    verdict = _message("user", pl.lit(verdict_said(run)))
    prompt = pl.concat_list("prompt", pl.concat_list(attempt, verdict).cast(MESSAGES))
    schema = _schema(run, {})
    return rows.with_columns(prompt=prompt, completion=answers(run)).select(*schema).match_to_schema(schema)


def _message(role: str, content: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(role).alias("role"), content.alias("content"))


def _trace(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """Make one trace of both: the wrong thought, the doubt, the right thought and the right response.

    The thought of a trace that has none is its response. If neither has one, all is in the response.
    """
    thinks, thought = _has_text("reasoning"), _has_text("thought")
    first = pl.when(thought).then("thought").otherwise("tried").str.strip_chars()
    before = pl.concat_str(first, pl.lit(_BETWEEN + doubt_said(run)))
    in_thought = thinks | thought
    reasoning = pl.when(in_thought).then(
        pl.when(thinks).then(pl.concat_str(before, pl.lit(_BETWEEN), "reasoning")).otherwise(before)
    )
    response = pl.when(in_thought).then("said").otherwise(pl.concat_str(before, pl.lit(_BETWEEN), "said"))
    start = first.str.len_chars() + len(_BETWEEN)
    if run.recipe.publish.thinking == "inline":
        start += pl.when(in_thought).then(len(f"{OPENING}\n")).otherwise(0)
    schema = _schema(run, {"doubt_start": pl.Int64})
    made = rows.with_columns(completion=answer_of(run, reasoning, response), doubt_start=start.cast(pl.Int64))
    return made.select(*schema).match_to_schema(schema)


def _has_text(name: str) -> pl.Expr:
    return pl.col(name).str.contains(r"\S").fill_null(False)


def _no_rows(run: Run, mix: pl.DataFrame) -> str:
    """Explain why there are no rows, with the number of tasks that lack each thing."""
    lacking = tasks_without_recovery(run, mix, pl.Series([], dtype=pl.String))
    why = ", ".join(f"{count:,} {reason}" for reason, count in lacking.items())
    return f"no task has a usable wrong attempt and a usable correct trace by one teacher (tasks: {why})"


def _counts(folder: Path) -> dict[str, Any]:
    """Return the number of rows, and of those whose right trace was written after the wrong one."""
    rows = pl.scan_parquet(folder / "*.parquet")
    counts = rows.select(pairs=pl.len(), shown=(pl.col("pairing") == SHOWN).sum()).collect()
    return counts.row(0, named=True)


def _as_asked(config: Config, run: Run, base: Config, words: str) -> Config:
    """Return the config with a card that has the recipe's words, and says where thoughts are."""
    return adapted(
        config,
        base,
        card=base.card + where_thoughts_are(run),
        card_values=lambda folder: _counts(folder) | {"words": words},
    )


def _conversation_as_asked(config: Config, run: Run) -> Config:
    return _as_asked(config, run, RECOVERY, verdict_said(run))


def _trace_as_asked(config: Config, run: Run) -> Config:
    return _as_asked(config, run, RECOVERY_TRACE, doubt_said(run))


_MEANINGS = {
    "wrong_id": "the trace of the wrong attempt",
    "right_id": "the trace of the corrected attempt",
    "pairing": f"`{SHOWN}`: the teacher of the corrected attempt was shown this very attempt; `same_privilege` or "
    "`same_task`: both are of one teacher, and share that",
    **{
        f"{half}_{name}": f"of the {what} attempt: {meaning}"
        for half, what in (("wrong", "wrong"), ("right", "corrected"))
        for name, meaning in ({**TRACES.meanings, **MEASURES.meanings}).items()
        if name in _OF_EACH
    },
}
_PAIRED = (
    " In {{ shown | number }} of {{ pairs | number }} rows the teacher of the corrected attempt had been shown the "
    "wrong one; in the others, both are by one teacher, each on its own."
)

RECOVERY = Config(
    name="recovery",
    shows="a wrong attempt, the verdict, and the corrected attempt, as a conversation",
    features=lambda run: _schema(run, {}),
    key=pl.concat_str("wrong_id", "right_id", separator=" "),
    rows=partial(_rows, name="recovery", form=_conversation),
    of_mix=True,
    as_asked=_conversation_as_asked,
    empty=_no_rows,
    empty_by_design=of_derived,
    without=tasks_without_recovery,
    meanings=_MEANINGS
    | {
        "prompt": f"{PROMPT}; then the wrong attempt as an answer, without its thought, and the verdict on it",
        "completion": "the corrected attempt, as one message of the assistant",
    },
    card="In `{{ name }}`, `prompt` holds the question, a wrong attempt and the verdict on it (`{{ words }}`), "
    "`completion` the corrected attempt. Train on `completion` alone: the wrong attempt is a message of the assistant, "
    "too." + _PAIRED,
    card_values=_counts,
)
RECOVERY_TRACE = Config(
    name="recovery_trace",
    shows="a wrong attempt and the corrected one as one trace, with words of doubt between their thoughts",
    features=lambda run: _schema(run, {"doubt_start": pl.Int64}),
    key=pl.concat_str("wrong_id", "right_id", separator=" "),
    rows=partial(_rows, name="recovery_trace", form=_trace),
    of_mix=True,
    as_asked=_trace_as_asked,
    empty=_no_rows,
    empty_by_design=of_derived,
    without=tasks_without_recovery,
    meanings=_MEANINGS
    | {
        "prompt": PROMPT,
        "completion": "the thought of the wrong attempt, words of doubt, and the corrected attempt",
        "doubt_start": "the character at which the doubt begins, in the text that holds the thought; what is before it "
        "is of the wrong attempt",
    },
    card="In `{{ name }}`, `completion` is one trace made of two: the thought of a wrong attempt, words of doubt "
    "(`{{ words }}`), and the corrected attempt. `doubt_start` is the character at which the doubt begins." + _PAIRED,
    card_values=_counts,
)
