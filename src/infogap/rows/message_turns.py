"""Read lists of messages in chat formats: their turns, the prompt, and the answers.

Known are `{role, content}` (OpenAI, Hugging Face) and `{from, value}` (ShareGPT); content may be a list of parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from infogap.rows.column_paths import read_json
from infogap.text.message_content import (
    THOUGHT_FIELDS,
    Content,
    ContentError,
    calls_tools,
    is_output,
    is_parts,
    read_content,
    thought_beside,
)

ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "system": "system",
    "developer": "system",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "tool_response": "tool",
    "function_response": "tool",
    "function_call": "assistant",
    "tool_call": "assistant",
}
"""The published name of each role."""
RESULT = re.compile(r"<tool_response>\n?(.*?)\n?</tool_response>", re.DOTALL)
"""The result of a tool as text, as Hermes and Qwen write it."""
RESULTS = re.compile(r"\s*(?:<tool_response>(?:(?!<tool_response>).)*</tool_response>\s*)+", re.DOTALL)
"""A turn of nothing but such results."""
_CALL_ROLES = ("function_call", "tool_call")

_ROLE_KEYS, _TEXT_KEYS = ("role", "from"), ("content", "value", "parts")  # the last one is Gemini's
_LABELS = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}
Turn = dict[str, str]
TURNS = "turns"
"""In a task's metadata: the messages of a question that is a conversation."""


class UnreadableTurnError(Exception):
    """A turn that has no text, or an unknown role; the message says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An assistant's message: its text, and the thought that has a field or a content part of its own.

    Of a conversation that calls tools, all its messages instead.
    """

    text: str | None
    thought: str | None
    in_field: bool = False  # whether the thought, or a piece of it, has a field beside the content
    messages: list[dict[str, Any]] | None = None


def is_message(value: Any) -> bool:
    """Whether a value is a message: an object with a role and a text, or a thought at least."""
    return (
        isinstance(value, dict)
        and any(isinstance(value.get(key), str) for key in _ROLE_KEYS)
        and any(key in value for key in (*_TEXT_KEYS, *THOUGHT_FIELDS, "tool_calls", "function_call"))
    )


def messages_in(value: Any) -> list[dict[str, Any]] | None:
    """Return the messages in a value: a list, JSON text or a single message; None where it holds none."""
    parsed = read_json(value) if isinstance(value, str) else value
    if is_message(parsed):
        return [parsed]
    if isinstance(parsed, list) and parsed and all(is_message(item) for item in parsed):
        return parsed
    return None


def role_of(message: dict[str, Any]) -> str:
    """Return a message's role, by its published name. Raises UnreadableTurnError for an unknown role."""
    written = _written_role(message)
    role = ROLES.get(written.lower())
    if role is None:
        raise UnreadableTurnError(f"a turn of the unknown role '{written[:30]}'")
    return role


def _written_role(message: dict[str, Any]) -> str:
    return next(str(message[key]) for key in _ROLE_KEYS if isinstance(message.get(key), str))


def is_call(message: dict[str, Any]) -> bool:
    """Return True if the whole text of a turn is a call of a tool, or a list of calls, as JSON."""
    return _written_role(message).lower() in _CALL_ROLES


def is_result(message: dict[str, Any]) -> bool:
    """Return True if a turn is the result of a tool: by its role, or as a user's turn of nothing but results."""
    role = ROLES.get(_written_role(message).lower())
    text = _written_content(message)
    return role == "tool" or (role == "user" and isinstance(text, str) and RESULTS.fullmatch(text) is not None)


def uses_tools(messages: list[dict[str, Any]]) -> bool:
    """Return True if some turn calls a tool or is the result of a call. Roles need not be known."""
    return any(_calls_tools(message) or is_result(message) for message in messages)


def text_of(message: dict[str, Any]) -> str | None:
    """Return the text of a message, whatever it calls. Raises UnreadableTurnError if its content is not text."""
    return _read_content(message).text


def prompt_messages(messages: list[dict[str, Any]], *, answered: bool) -> list[dict[str, Any]]:
    """Return the messages before the answer.

    These are the messages before the assistant's last one if the conversation ends with that, or if `answered`;
    otherwise all of them. Raises UnreadableTurnError if `answered` and there is no message of an assistant.
    """
    if answered or role_of(messages[-1]) == "assistant":
        return messages[: _last_answer(messages)]
    return messages


def turns(messages: list[dict[str, Any]]) -> list[Turn]:
    """Return messages as they are published. Raises UnreadableTurnError for one without text."""
    return [_turn(message) for message in messages]


def turns_of(metadata: str | None) -> list[Turn] | None:
    """Return the turns of a question that is a conversation, from its task's metadata; None for other questions."""
    if metadata is None or f'"{TURNS}"' not in metadata:
        return None
    found: list[Turn] | None = orjson.loads(metadata).get(TURNS)
    return found


def transcript(prompt: list[Turn]) -> str:
    """Join turns to one text: a single user turn as it is, several turns each after its role."""
    if len(prompt) == 1 and prompt[0]["role"] == "user":
        return prompt[0]["content"]
    return "\n\n".join(f"{_LABELS[turn['role']]}: {turn['content']}" for turn in prompt)


def answers_in(value: Any, *, every: bool) -> list[Any]:
    """Return the samples in a column: texts, or an Answer for each message of an assistant.

    A list of messages with other roles too is a conversation: its sample is the assistant's last turn or, if it calls
    tools, the whole of it. `every`:
    the column's path has `[*]`, so that each item is a sample, whatever it is. Raises UnreadableTurnError for a
    conversation without an answer.
    """
    messages = None if every else messages_in(value)
    if messages is not None and (not isinstance(value, list) or any(role_of(each) != "assistant" for each in messages)):
        return [_answer(messages)]
    parts = is_output(value) or (is_parts(value) and not any(map(is_message, value)))
    single = not isinstance(value, list) or (parts and not every)
    items = [value] if single else value
    return [item if (turns_of_item := messages_in(item)) is None else _answer(turns_of_item) for item in items]


def _answer(messages: list[dict[str, Any]]) -> Answer:
    if uses_tools(messages):
        return Answer(None, None, messages=messages)
    message = messages[_last_answer(messages)]
    content = _content(message)
    try:
        beside = thought_beside(message)
    except ContentError:
        raise UnreadableTurnError("an answer with a thought that is not text") from None
    thoughts = [thought for thought in (beside, content.thought) if thought.strip()]
    return Answer(content.text, "\n\n".join(dict.fromkeys(thoughts)) or None, in_field=bool(beside))


def _last_answer(messages: list[dict[str, Any]]) -> int:
    """The index of the assistant's last message."""
    for index in range(len(messages) - 1, -1, -1):
        if role_of(messages[index]) == "assistant":
            return index
    raise UnreadableTurnError("a conversation without an answer")


def _turn(message: dict[str, Any]) -> Turn:
    from infogap.text.thoughts import split

    role, content = role_of(message), _content(message).text
    if not content or not content.strip():
        raise UnreadableTurnError(f"a turn of the {role} without text")
    if role == "assistant":  # as chat templates do: thoughts of earlier turns are not part of the prompt
        content = split(content)[1] or content
    return {"role": role, "content": content.strip()}


def _content(message: dict[str, Any]) -> Content:
    """Read a message's content. Raises UnreadableTurnError where that is more than text and thoughts."""
    if _calls_tools(message):
        raise UnreadableTurnError("a turn that calls tools")
    return _read_content(message)


def _calls_tools(message: dict[str, Any]) -> bool:
    in_field = message.get("tool_calls") or message.get("function_call")
    return bool(in_field or is_call(message) or calls_tools(_written_content(message)))


def _written_content(message: dict[str, Any]) -> Any:
    return next((message[key] for key in _TEXT_KEYS if key in message), None)


def _read_content(message: dict[str, Any]) -> Content:
    written = _written_content(message)
    try:
        return read_content(written)
    except ContentError:
        kind = "a part that is not text" if isinstance(written, list) else "content that is not text"
        raise UnreadableTurnError(f"a turn with {kind}") from None
