"""Rows of an agent: a question, calls of two tools with arguments of their own, their results, and an answer."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

Message = dict[str, Any]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "multiply",
            "description": "Multiply two numbers.",
            "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
        },
    },
    {
        "type": "function",
        "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"words": {"type": "array"}}}},
    },
]
QUESTION = "How many seats have 6 rows of 7?"


def said(role: str, text: Any, **more: Any) -> Message:
    return {"role": role, "content": text, **more}


def call(name: str, arguments: dict[str, Any], call_id: str | None = None) -> Message:
    own = {} if call_id is None else {"id": call_id}
    return {**own, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def conversation(answer: str = "So \\boxed{42}.") -> list[Message]:
    """A system message, a question, two calls at once, their results, one more call, and an answer."""
    first = [call("multiply", {"a": 6, "b": 7}, "c1"), call("look_up", {"words": ["seat", "row"]}, "c2")]
    return [
        said("system", "Use the tools."),
        said("user", QUESTION),
        said("assistant", "Let me compute it.", reasoning_content="Hmm, rows times seats.", tool_calls=first),
        said("tool", "42\n", tool_call_id="c1"),
        said("tool", "wait, perhaps a seat is a chair", tool_call_id="c2", name="look_up"),
        said("assistant", "", tool_calls=[call("look_up", {"words": []}, "c3")]),
        said("tool", "[]", tool_call_id="c3"),
        said("assistant", answer),
    ]


def row(messages: list[Message], **more: Any) -> dict[str, Any]:
    return {"messages": messages, "tools": TOOLS, "answer": "42"} | more


_WORDS = st.text("abc .,\n", min_size=1, max_size=30).map(str.strip).filter(bool)
_ARGUMENTS = st.dictionaries(
    st.sampled_from(["path", "query", "lines"]), st.one_of(st.integers(-9, 9), _WORDS, st.none(), st.lists(_WORDS))
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Conversations that call tools, in the form in which they are published: thoughts in `reasoning_content`."""
    messages = [said("system", draw(_WORDS))] if draw(st.booleans()) else []
    messages.append(said("user", draw(_WORDS)))
    number = 0
    for _ in range(draw(st.integers(1, 4))):
        calls = []
        for _ in range(draw(st.integers(1, 3))):
            number += 1
            calls.append(call(draw(st.sampled_from(["read", "search"])), draw(_ARGUMENTS), f"c{number}"))
        thought = {"reasoning_content": draw(_WORDS)} if draw(st.booleans()) else {}
        messages.append(said("assistant", draw(st.one_of(st.just(""), _WORDS)), tool_calls=calls, **thought))
        messages += [said("tool", draw(st.text("abc \n", max_size=20)), tool_call_id=each["id"]) for each in calls]
        if draw(st.booleans()):
            messages.append(said("user", draw(_WORDS)))
    return [*messages, said("assistant", draw(_WORDS))]
