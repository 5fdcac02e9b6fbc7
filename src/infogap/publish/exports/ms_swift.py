"""Formats of ms-swift, as in its page "Custom Dataset": messages, and the columns of its other trainers.

ms-swift removes every key of a message except role, content and loss, and renders with its own templates.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from infogap.privileges.contexts import teacher_prompt
from infogap.privileges.prompt_messages import last_question
from infogap.publish.configs.base import MESSAGES, prompts, with_tasks
from infogap.publish.configs.preference import PREFERENCE
from infogap.publish.configs.privileged import PRIVILEGED
from infogap.publish.configs.recovery import RECOVERY
from infogap.publish.configs.sft import SFT
from infogap.publish.exports.base import (
    PAIR_IDS,
    RECOVERY_IDS,
    SAME_TEXTS,
    UNLABELLED,
    ExportFormat,
    Row,
    ids,
    label,
    pair,
    recovery_messages,
)
from infogap.publish.exports.conversations import messages
from infogap.publish.sorted_rows import SortedRows
from infogap.runs.run_folder import Run

_SUFFIXES = (".jsonl",)
_NO_FIELD = "ms-swift removes every key of a message except role, content and loss"


def _preference(row: Row) -> Row | None:
    sides = pair(row)
    if sides is None:
        return None
    prompt, chosen, rejected = sides
    return {"messages": [*prompt, chosen], "rejected_response": rejected["content"]} | ids(row, *PAIR_IDS)


def _labelled(row: Row) -> Row | None:
    desirable = label(row)
    return None if desirable is None else messages(row) | {"label": desirable}


def _recovery(row: Row) -> Row:
    return {"messages": recovery_messages(row, loss=(0.0, 1.0))} | ids(row, *RECOVERY_IDS)


def _privileged(row: Row) -> Row:
    return {"messages": row["prompt"], "teacher_prompt": row["teacher_prompt"]} | ids(row, "context_id")


def _rows(run: Run, mix: pl.DataFrame) -> SortedRows:
    """Select the contexts of the mix's traces, as the config `privileged` does."""
    contexts = PRIVILEGED.rows(run, mix)
    assert isinstance(contexts, SortedRows)
    return replace(contexts, publish=_with_teacher_prompts)


def _with_teacher_prompts(run: Run, contexts: pl.DataFrame) -> pl.DataFrame:
    """Make a row per context: the student's prompt, and what the teacher read in place of its last message.

    The wording is the recipe's. For imported contexts, whose wording is unknown, it is the built-in `infogap` without
    an instruction.
    """
    rows = with_tasks(run, contexts).with_columns(prompts(run, with_tasks(run, contexts)))
    generate = run.recipe.generate
    wording, instruction = (generate.wording, generate.instruction) if generate else ("infogap", "")
    asked = [last_question(task) for task in rows.select("question", "metadata").iter_rows(named=True)]
    written = [
        teacher_prompt(question, text, instruction, wording).rstrip("\n")
        for question, text in zip(asked, rows["text"], strict=True)
    ]
    return rows.select(
        pl.col("prompt").cast(MESSAGES), pl.Series("teacher_prompt", written, dtype=pl.String), "context_id"
    )


SWIFT_SFT = ExportFormat(
    name="ms-swift",
    shows="ms-swift, SFT: `messages`",
    config=SFT,
    calls_tools=True,
    row=messages,
    suffixes=_SUFFIXES,
    no_field=_NO_FIELD,
    renders="",
)
SWIFT_RECOVERY = ExportFormat(
    name="ms-swift-recovery",
    shows="ms-swift, wrong and corrected attempts: `messages` with `loss`, 0 for the wrong answer",
    config=RECOVERY,
    row=_recovery,
    suffixes=_SUFFIXES,
    no_field=_NO_FIELD,
    renders="",
)
SWIFT_DPO = ExportFormat(
    name="ms-swift-dpo",
    shows="ms-swift, DPO and similar methods: `messages` with the chosen answer, `rejected_response`",
    config=PREFERENCE,
    row=_preference,
    left_out=SAME_TEXTS,
    suffixes=_SUFFIXES,
    no_field=_NO_FIELD,
    renders="",
)
SWIFT_KTO = ExportFormat(
    name="ms-swift-kto",
    shows="ms-swift, KTO: `messages`, `label` (true: a correct answer)",
    config=SFT,
    row=_labelled,
    left_out=UNLABELLED,
    suffixes=_SUFFIXES,
    no_field=_NO_FIELD,
    renders="",
    labels="label",
)
SWIFT_OPSD = ExportFormat(
    name="ms-swift-opsd",
    shows="ms-swift, on-policy self-distillation: `messages` (the prompt), `teacher_prompt`",
    config=replace(PRIVILEGED, rows=_rows),
    row=_privileged,
    suffixes=_SUFFIXES,
    no_field=_NO_FIELD,
    renders="",
    privileged=PRIVILEGED.privileged,
)
