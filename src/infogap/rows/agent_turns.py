"""Read conversations that call tools: where the trace begins, and its turns in one form.

Calls are read in OpenAI's form (`tool_calls`, or the older `function_call`), in ShareGPT's (a turn from
`function_call`) and as text (`<tool_call>{...}</tool_call>`, as Hermes and Qwen write them); results from turns of the
tool, or from text in `<tool_response>`. All become OpenAI's form, whose arguments are JSON text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from infogap.recipe.sources import TraceImport
from infogap.recipe.teacher_section import pair_of
from infogap.rows.column_paths import MISSING, read_json
from infogap.rows.message_turns import (
    RESULT,
    RESULTS,
    UnreadableTurnError,
    is_call,
    is_result,
    role_of,
    text_of,
)
from infogap.text.characters import utf8
from infogap.text.message_content import ContentError, calls_tools, thought_beside
from infogap.text.spoken_turns import THOUGHT, Message, spoken_parts
from infogap.text.thought_tags import Pair
from infogap.text.thoughts import Parts, joined, read_parts

NO_CALL = "a tool's result without a call"
NOT_JSON = "a tool call whose arguments are no JSON object"
TEXT_AFTER = "a turn with text after a tool call"
_NOT_READ = "a tool call in a form that is not read"
_UNCLOSED = "a tool call that is not closed"
_NO_NAME = "a tool call without the name of the tool"
_THOUGHT_NOT_TEXT = "an answer with a thought that is not text"
_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_TAG = "<tool_call>"


@dataclass(frozen=True)
class _TurnTags:
    """How thoughts stand in the assistant's turns."""

    pair: Pair | None
    opened: bool


@dataclass(frozen=True)
class ReadTurns:
    """The turns of a trace, as the table `turns` has them, and the parts of each turn of the assistant."""

    turns: list[Message]
    parts: list[Parts] = field(default_factory=list)

    @property
    def spoken(self) -> tuple[str, str]:
        return spoken_parts(self.turns)

    @property
    def call_tools(self) -> bool:
        """True if some turn calls a tool."""
        return any(turn.get("tool_calls") for turn in self.turns)

    def joined_parts(self) -> Parts:
        """Return what the assistant says as one trace in two parts, with what separated them in any of its turns."""
        return Parts(
            *self.spoken,
            tags=tuple(dict.fromkeys(tag for each in self.parts for tag in each.tags)),
            end_tokens=tuple(dict.fromkeys(token for each in self.parts for token in each.end_tokens)),
            ran_on=any(each.ran_on for each in self.parts),
            began_inside=any(each.began_inside for each in self.parts),
        )


def one_turn(parts: Parts) -> ReadTurns:
    """Return an answer that could call tools as a trace of one turn. Raises UnreadableTurnError for a broken call."""
    text, calls = _without_calls(parts.response)
    return ReadTurns([_turn(text, parts) | ({"tool_calls": calls} if calls else {})], [parts])


def read_conversation(messages: list[Message], source: TraceImport, *, truncated: bool = False) -> ReadTurns:
    """Read the trace of a conversation that calls tools; `truncated`: its last turn was cut off.

    Raises UnreadableTurnError for what cannot be read: an unknown role, a part that is not text, a result without a
    call, a call whose arguments are no JSON object.
    """
    _, trace = agents_trace(messages)
    tags = _TurnTags(pair_of(source.thinking), source.thinking == "opened")
    read = ReadTurns([])
    open_calls: list[str | None] = []
    last = max(number for number, each in enumerate(trace) if _role(each) == "assistant")
    for number, message in enumerate(_without_lone_surrogates(trace)):
        role = _role(message)
        if role == "tool":
            for result in _results(message):
                _close(open_calls, result.get("tool_call_id"))
                read.turns.append(result)
        elif role == "assistant":
            turn, parts = _spoken(message, tags, truncated=truncated and number == last)
            open_calls += [call.get("id") for call in turn.get("tool_calls", ())]
            if is_call(message) and read.turns and read.turns[-1]["role"] == "assistant":
                read.turns[-1].setdefault("tool_calls", []).extend(turn["tool_calls"])
                continue
            read.turns.append(turn)
            read.parts.append(parts)
        else:
            read.turns.append({"role": role, "content": text_of(message) or ""})
    return read


def agents_trace(messages: list[Message]) -> tuple[list[Message], list[Message]]:
    """Divide a conversation that calls tools into its prompt and its trace.

    The trace begins with the first turn of the assistant after the first of the user: all that the assistant does from
    there on is one trace, whatever the user says in between. Raises UnreadableTurnError for an unknown role, or if
    there is no such turn.
    """
    roles = [_role(message) for message in messages]
    asked = roles.index("user") if "user" in roles else 0
    if "assistant" not in roles[asked:]:
        raise UnreadableTurnError("a conversation without an answer")
    start = roles.index("assistant", asked)
    if "tool" in roles[:start]:
        raise UnreadableTurnError(NO_CALL)
    return messages[:start], messages[start:]


def tools_in(value: Any) -> str | None:
    """Read the definitions of tools, a list or JSON text, as JSON text; None if there are none.

    Raises UnreadableTurnError if they are no list of objects.
    """
    parsed = read_json(value) if isinstance(value, str) else value
    if parsed is None or parsed is MISSING or parsed in ("", []):
        return None
    if not isinstance(parsed, list) or not all(isinstance(tool, dict) for tool in parsed):
        raise UnreadableTurnError("tools that are no list of definitions")
    return utf8(value if isinstance(value, str) else json.dumps(parsed, ensure_ascii=False))


def _without_lone_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return utf8(value)
    if isinstance(value, list):
        return [_without_lone_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {utf8(str(key)): _without_lone_surrogates(item) for key, item in value.items()}
    return value


def _role(message: Message) -> str:
    role = role_of(message)
    return "tool" if role == "user" and is_result(message) else role


def _results(message: Message) -> Iterator[Message]:
    """Yield the results in a turn of the tool; text can hold several, each in `<tool_response>`."""
    text = text_of(message) or ""
    texts = RESULT.findall(text) if RESULTS.fullmatch(text) else [text]
    beside = {name: message[name] for name in ("tool_call_id", "name") if isinstance(message.get(name), str)}
    for each in texts:
        yield {"role": "tool", "content": each, **{name: value for name, value in beside.items() if value}}


def _close(open_calls: list[str | None], call_id: str | None) -> None:
    """Take the call that a result answers from the open ones: that of its id, else the first without one."""
    if call_id in open_calls:
        open_calls.remove(call_id)
    elif call_id is None and open_calls:
        open_calls.pop(0)
    elif None in open_calls:
        open_calls.remove(None)
    else:
        raise UnreadableTurnError(NO_CALL)


def _spoken(message: Message, tags: _TurnTags, *, truncated: bool) -> tuple[Message, Parts]:
    """Read a turn of the assistant: its thought, its text and its calls."""
    if is_call(message):
        calls = list(_calls_in_json(text_of(message) or ""))
        return {"role": "assistant", "content": "", "tool_calls": calls}, Parts("", "")
    if calls_tools(message.get("content")):
        raise UnreadableTurnError(_NOT_READ)
    try:
        beside = thought_beside(message).strip()
    except ContentError:
        raise UnreadableTurnError(_THOUGHT_NOT_TEXT) from None
    opened = tags.opened and not beside
    parts = read_parts(text_of(message) or "", truncated=truncated, opened=opened, pair=tags.pair, unwrap=True)
    if beside:
        parts = joined(beside, parts, tags.pair, "a field of its own")
    text, calls = _without_calls(parts.response)
    calls = [*_calls_in_fields(message), *calls]
    return _turn(text, parts) | ({"tool_calls": calls} if calls else {}), parts


def _turn(text: str, parts: Parts) -> Message:
    thought = {THOUGHT: parts.reasoning} if parts.reasoning else {}
    return {"role": "assistant", "content": text, **thought}


def _without_calls(text: str) -> tuple[str, list[Message]]:
    """Separate a text from the calls that follow it."""
    if _TAG not in text:
        return text, []
    calls = [call for written in _CALL.findall(text) for call in _calls_in_json(written)]
    before, *between = _CALL.sub("\0", text).split("\0")
    if _TAG in before or any(_TAG in piece for piece in between):
        raise UnreadableTurnError(_UNCLOSED)
    if any(piece.strip() for piece in between):
        raise UnreadableTurnError(TEXT_AFTER)
    return before.strip(), calls


def _calls_in_fields(message: Message) -> Iterator[Message]:
    calls = message.get("tool_calls") or (
        [{"function": message["function_call"]}] if message.get("function_call") else []
    )
    calls = read_json(calls) if isinstance(calls, str) else calls
    yield from _read_calls(calls)


def _calls_in_json(written: str) -> Iterator[Message]:
    try:
        calls = orjson.loads(written)
    except orjson.JSONDecodeError:
        raise UnreadableTurnError("a tool call that is no JSON") from None
    yield from _read_calls(calls if isinstance(calls, list) else [calls])


def _read_calls(calls: Any) -> Iterator[Message]:
    if not isinstance(calls, Iterable) or isinstance(calls, str):
        raise UnreadableTurnError(_NOT_READ)
    for call in calls:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict):
            raise UnreadableTurnError(_NOT_READ)
        name = function.get("name")
        if not isinstance(name, str) or not name:
            raise UnreadableTurnError(_NO_NAME)
        own_id = {"id": call["id"]} if isinstance(call.get("id"), str) and call["id"] else {}
        arguments = _arguments(function.get("arguments", function.get("parameters", {})))
        yield {**own_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def _arguments(value: Any) -> str:
    """Return a call's arguments as JSON text; text is kept as it is written.

    Some servers write an empty text, or null, where a tool takes no arguments: that is an empty object.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return "{}"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    try:
        parsed = orjson.loads(value) if isinstance(value, str) else None
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise UnreadableTurnError(NOT_JSON)
    return str(value)
