"""Define what a format of `infogap export` is: it turns the rows of a published config into a trainer's rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from infogap.publish.configs.base import Config
from infogap.recipe.publish_section import ThinkingField, ThinkingForm

Row = dict[str, Any]
Message = dict[str, Any]


@dataclass(frozen=True)
class Exported:
    """A file that has been written, as described to the function that makes the files beside it."""

    file: Path
    columns: tuple[str, ...]
    """All columns that occur in any row, in order."""

    thinking: ThinkingForm
    thinking_field: ThinkingField


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """A trainer's file format, registered under its name in the entry-point group `infogap.exports`."""

    name: str
    shows: str
    """A phrase on what it is for: trainer, method, columns."""

    config: Config
    """The published config that its rows are made from, adapted to the recipe's settings."""

    row: Callable[[Row], Row | None]
    """Takes a row of the config, without null fields in its messages; returns the trainer's row, or None to skip it.

    Raises InputError if the format cannot represent the row.
    """

    left_out: str = "not for this format"
    """Why `row` skips rows, reported with their number."""

    suffixes: tuple[str, ...] = (".jsonl", ".parquet")
    """The suffixes of the files that the trainer reads."""

    no_field: str = ""
    """Why the trainer cannot read a thought from a field of its own; empty if it can."""

    renders: Literal["conversation", "message", ""] = "conversation"
    """What the trainer renders with the tokenizer's chat template: the conversation, single messages, or nothing."""

    labels: str = ""
    """The name of a Boolean column in which the trainer needs both values, if there is one."""

    beside: Callable[[Exported], Mapping[str, str]] = lambda _exported: {}
    """Takes the written file; returns the names and texts of the files to write beside it."""

    calls_tools: bool = False
    """True if it can hold traces that call tools: `row` keeps the messages, and the column `tools` is put beside."""

    privileged: str = ""
    """What it holds that the student must not see, if anything; shown to the user who exports."""


def ids(row: Row, *names: str) -> Row:
    """Return those of the given ids that the row has, which lead from a trainer's row back to the run."""
    return {name: row[name] for name in names if name in row}


def last_turn(messages: list[Message], what: str) -> tuple[str | None, list[str], str]:
    """Split a prompt into its system message (None if it has none), the texts of earlier turns, and the last question.

    Raises InputError if turns do not alternate, which `what` cannot represent.
    """
    from infogap.errors import InputError

    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    turns = messages if system is None else messages[1:]
    if [turn["role"] for turn in turns] != ["user", "assistant"] * (len(turns) // 2) + ["user"]:
        raise InputError(f"a conversation whose turns do not alternate does not fit in a {what}; export it as messages")
    texts = [turn["content"] for turn in turns]
    return system, texts[:-1], texts[-1]


def pair(row: Row) -> tuple[list[Message], Message, Message] | None:
    """Return the prompt, chosen and rejected message of a row of `preference`; None if the two are the same."""
    chosen, rejected = row["chosen"][0], row["rejected"][0]
    return None if chosen == rejected else (row["prompt"], chosen, rejected)


SAME_TEXTS = "both sides have the same text"
PAIR_IDS = ("chosen_trace_id", "rejected_trace_id")


RECOVERY_IDS = ("wrong_id", "right_id")


def recovery_messages(row: Row, **trained: tuple[Any, Any]) -> list[Message]:
    """Return the conversation of a row of `recovery`, with fields that say which answer to train on.

    Each field is given with its values for the wrong attempt and for the corrected one.
    """
    wrong, right = ({name: values[place] for name, values in trained.items()} for place in (0, 1))
    prompt = [each | wrong if each["role"] == "assistant" else each for each in row["prompt"]]
    return [*prompt, *(each | right for each in row["completion"])]


def label(row: Row) -> bool | None:
    """Return True if a row of `sft` is correct, False if not, None if it could not be graded."""
    return {"correct": True, "wrong": False, "no_answer": False, "truncated": False}.get(row["verdict"])


UNLABELLED = "their answers have no verdict"
