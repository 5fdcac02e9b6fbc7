"""Read a row's question: a text, or the conversation that an imported trace answers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from infogap.recipe.sources import FileTasks, TraceImport
from infogap.rows.agent_turns import agents_trace, read_conversation
from infogap.rows.column_paths import EVERY, MISSING, as_text, is_template, reach
from infogap.rows.message_turns import (
    Turn,
    UnreadableTurnError,
    messages_in,
    prompt_messages,
    role_of,
    transcript,
    turns,
    uses_tools,
)
from infogap.text.bounded_search import TIME_LIMIT, BoundedSearch, SearchLimitError

TableSource = FileTasks | TraceImport

NO_QUESTION = "no question"
QUESTION_NOT_TEXT = "the question is not text"
UNFILLED = "the question's template prints a column that the row lacks"
NO_MATCH = "the question does not match `pattern`"
TOO_LONG_A_SEARCH = f"`pattern` takes more than {TIME_LIMIT:g} s on the question"
NO_LAST_QUESTION = "the question is a conversation whose last turn is not the user's"
NOT_ANSWERED = "the trace is no turn of the assistant's"

_LAST_INDEX = re.compile(r"(.+)\[(-?\d+)\](\.\w+)?")


@dataclass(frozen=True, slots=True)
class Question:
    """A row's question as the tasks table stores it; `turns` where it is more than one user message."""

    text: str | None
    turns: list[Turn] | None = None
    fault: str | None = None  # why it cannot be used


def question_in(value: Any, source: TableSource, search: BoundedSearch | None) -> Question:
    """Read the question in a row's column, cleaned as the source says; `search` is for its `pattern`."""
    messages = messages_in(value)
    if messages is not None:
        try:
            return _conversation(turns(_prompt(messages, source)), source, search)
        except UnreadableTurnError as error:
            return Question(None, fault=str(error))
    if isinstance(value, list | dict):
        return Question(as_text(value), fault=QUESTION_NOT_TEXT)
    text = as_text(value)
    if text is not None:
        return _cleaned(text, source, search)
    unfilled = value is MISSING and is_template(source.columns.question)
    return Question(None, fault=UNFILLED if unfilled else NO_QUESTION)


def _prompt(messages: list[dict[str, Any]], source: TableSource) -> list[dict[str, Any]]:
    """Return the messages before the trace, which may be in the same list."""
    if not isinstance(source, TraceImport):
        return prompt_messages(messages, answered=False)
    question, trace = source.columns.question, source.columns.trace or source.columns.response or ""
    inside = _LAST_INDEX.fullmatch(trace)
    if inside and inside[1] == question:
        place = range(len(messages))[int(inside[2])] if -len(messages) <= int(inside[2]) < len(messages) else None
        if place is None or role_of(messages[place]) != "assistant":
            raise UnreadableTurnError(NOT_ANSWERED)
        return messages[:place]
    if trace == question and uses_tools(messages):
        read_conversation(messages, source)  # a trace that cannot be read makes no task, and is named with its row
        return agents_trace(messages)[0]
    return prompt_messages(messages, answered=trace == question)


def _conversation(prompt: list[Turn], source: TableSource, search: BoundedSearch | None) -> Question:
    if not prompt:
        return Question(None, fault=NO_QUESTION)
    last = prompt[-1]
    if last["role"] == "user":
        cleaned = _cleaned(last["content"], source, search)
        if cleaned.text is None or cleaned.fault:
            return cleaned
        prompt = [*prompt[:-1], {"role": "user", "content": cleaned.text}]
    text = transcript(prompt)
    if len(prompt) == 1 and prompt[0]["role"] == "user":
        return Question(text)
    if isinstance(source, FileTasks) and last["role"] != "user":  # a teacher would be asked nothing
        return Question(text, fault=NO_LAST_QUESTION)
    return Question(text, prompt)


def _cleaned(question: str, source: TableSource, search: BoundedSearch | None) -> Question:
    text: str | None = question
    if search is not None:
        try:
            found = search.group(question)
        except SearchLimitError:
            return Question(question, fault=TOO_LONG_A_SEARCH)
        if found is None:
            return Question(question, fault=NO_MATCH)
        text = found.strip()
    text = without_affixes(text, source.strip_prefix, at_end=False) if text else None
    text = without_affixes(text, source.strip_suffix, at_end=True) if text else None
    return Question(text, fault=None if text else NO_QUESTION)


def without_affixes(question: str, affixes: list[str], *, at_end: bool) -> str | None:
    """Remove these texts from the beginning of a question (`at_end`: its end) while there are any; None if all goes."""
    wanted = [affix.strip() for affix in affixes if affix.strip()]
    start, end, before = 0, len(question), None
    while (start, end) != before:  # positions, as copies of a long text with many affixes would take hours
        before = start, end
        while start < end and question[end - 1 if at_end else start].isspace():
            start, end = (start, end - 1) if at_end else (start + 1, end)
        for affix in wanted:
            if at_end and question.endswith(affix, start, end):
                end -= len(affix)
            elif not at_end and question.startswith(affix, start, end):
                start += len(affix)
    return question[start:end] or None


def takes_one_turn_of_several(row: dict[str, Any], column: str) -> bool:
    """Whether a question's path picks one message of a prompt that has others: a system message, earlier turns."""
    picked = None if is_template(column) or EVERY in column else _LAST_INDEX.fullmatch(column)
    messages = messages_in(reach(row, picked[1])) if picked else None
    if messages is None or len(messages) == 1:
        return False
    try:
        return len(prompt_messages(messages, answered=False)) > 1
    except UnreadableTurnError:
        return True


def list_of_turns(column: str) -> str:
    """Return the path of the list from which a question's path picks its message."""
    picked = _LAST_INDEX.fullmatch(column)
    return picked[1] if picked else column
