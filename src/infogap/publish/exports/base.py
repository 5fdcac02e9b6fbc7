"""A format of `infogap export`: a trainer's rows, made from those of a published config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from infogap.publish.configs.base import Config
from infogap.recipe.publish_section import ThinkingField, ThinkingForm

Row = dict[str, Any]
Message = dict[str, str]


@dataclass(frozen=True)
class Exported:
    """A written file, for what is written beside it and said about it."""

    file: Path
    columns: tuple[str, ...]
    """The columns that any row has, in order."""

    thinking: ThinkingForm
    thinking_field: ThinkingField


@dataclass(frozen=True, kw_only=True)
class ExportFormat:
    """A trainer's file format, registered under its name in the entry-point group `infogap.exports`."""

    name: str
    shows: str
    """What it is for, as a phrase: trainer, method, columns."""

    config: Config
    """The published config whose rows become its rows; as a recipe asks for it, where it has settings."""

    row: Callable[[Row], Row | None]
    """From a row of the config, without empty fields in its messages, the trainer's row; None leaves it out.

    Raises InputError where the format cannot hold the row.
    """

    left_out: str = "not for this format"
    """Why `row` leaves rows out, said with their number."""

    suffixes: tuple[str, ...] = (".jsonl", ".parquet")
    """The kinds of file that the trainer reads."""

    no_field: str = ""
    """Why the trainer cannot read a thought in a field of its own; empty if it can."""

    renders: Literal["conversation", "message", ""] = "conversation"
    """What the trainer renders with the tokenizer's chat template: the whole, each message alone, or nothing."""

    labels: str = ""
    """A column of true and false of which the trainer needs both, if any."""

    beside: Callable[[Exported], Mapping[str, str]] = lambda _exported: {}
    """The files to write beside it: their names and their text."""

    privileged: str = ""
    """What it holds that the student must not see, if anything; whoever exports is told."""


def ids(row: Row, *names: str) -> Row:
    """Return the ids with which a trainer's row is found in the run again, as far as the config has them."""
    return {name: row[name] for name in names if name in row}


def last_turn(messages: list[Message], what: str) -> tuple[str | None, list[str], str]:
    """Split a prompt into its system message (None without), the texts of earlier turns, and the last question.

    Raises InputError where turns do not alternate: `what` cannot hold them.
    """
    from infogap.errors import InputError

    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    turns = messages if system is None else messages[1:]
    if [turn["role"] for turn in turns] != ["user", "assistant"] * (len(turns) // 2) + ["user"]:
        raise InputError(f"a conversation in which turns do not alternate is no {what}; export it as messages")
    texts = [turn["content"] for turn in turns]
    return system, texts[:-1], texts[-1]


def pair(row: Row) -> tuple[list[Message], Message, Message] | None:
    """Return the prompt, the chosen and the rejected message of a row of `preference`; None if both are the same."""
    chosen, rejected = row["chosen"][0], row["rejected"][0]
    return None if chosen == rejected else (row["prompt"], chosen, rejected)


SAME_TEXTS = "both sides say the same"
PAIR_IDS = ("chosen_trace_id", "rejected_trace_id")


def label(row: Row) -> bool | None:
    """Return whether a row of `sft` is desirable: correct, or not; None where it could not be graded."""
    return {"correct": True, "wrong": False, "no_answer": False, "truncated": False}.get(row["verdict"])


UNLABELLED = "without a verdict on their answer"
