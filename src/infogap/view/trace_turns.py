"""The turns of a trace that calls tools, as its page shows them, and the marks in them: JSON-able values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from infogap.leaks.turn_leaks import turn_texts
from infogap.text.spoken_turns import Message, SpokenTurn, spoken_turns
from infogap.view.text_marks import Mark, MarkerMarks, copied_marks, utf16_places

_LINE = 72  # characters of a value on one line


def shown_turns(turns: Sequence[Message], text: str) -> list[dict[str, Any]]:
    """Return each turn: its role; of the assistant the places of thought and text, and the calls; of others the text.

    Places are in UTF-16 code units of the trace's text; null where a turn has no such part.
    """
    place = utf16_places(text)
    places = {spoken.turn: spoken for spoken in spoken_turns(turns)}
    return [_shown(turn, places.get(number), place) for number, turn in enumerate(turns)]


def shown_tools(definitions: str | None) -> list[dict[str, Any]]:
    """Return the name of each tool, and its whole definition as indented JSON."""
    tools = [] if definitions is None else json.loads(definitions)
    return [{"name": _name(tool), "definition": json.dumps(tool, indent=2, ensure_ascii=False)} for tool in tools]


def turn_marks(
    turns: Sequence[Message], text: str, question: str, markers: MarkerMarks, context: str | None
) -> Iterator[Mark]:
    """Yield the markers of each turn, and the passages that it shares with the context, as they are measured."""
    for turn in turn_texts(turns, question):
        own = text[turn.start : turn.end]
        for start, end, *mark in (*markers.of(own, turn.seen), *copied_marks(own, context, turn.seen)):
            yield start + turn.start, end + turn.start, mark[0], mark[1], mark[2]


def _shown(turn: Message, spoken: SpokenTurn | None, place: Callable[[int], int]) -> dict[str, Any]:
    if turn["role"] != "assistant":
        return {"role": turn["role"], "name": turn.get("name"), "content": turn["content"]}
    shown: dict[str, Any] = {"role": "assistant", "thought": None, "text": None}
    if spoken is not None and spoken.start < spoken.thought_end:
        shown["thought"] = [place(spoken.start), place(spoken.thought_end)]
    if spoken is not None and spoken.text_start < spoken.end:
        shown["text"] = [place(spoken.text_start), place(spoken.end)]
    return shown | {"calls": [_call(call) for call in turn.get("tool_calls", ())]}


def _call(call: Message) -> dict[str, Any]:
    """Return a call with its arguments one by one: texts as they are, other values as JSON."""
    given = json.loads(call["function"]["arguments"])
    arguments = [
        {"name": name, "value": value if isinstance(value, str) else _as_json(value)} for name, value in given.items()
    ]
    return {"name": call["function"]["name"], "arguments": arguments}


def _as_json(value: Any) -> str:
    """Write a value on one line if it is short, else indented."""
    short = json.dumps(value, ensure_ascii=False)
    return short if len(short) <= _LINE else json.dumps(value, indent=2, ensure_ascii=False)


def _name(tool: dict[str, Any]) -> str:
    function = tool.get("function")
    return str((function if isinstance(function, dict) else tool).get("name", "tool"))
