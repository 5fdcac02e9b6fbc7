"""Conversations that call tools: each form that files have gives the same turns, and what cannot be read is named."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given

from imports.agent_rows import call, conversation, conversations, said
from infogap.recipe.sources import TraceImport
from infogap.rows.agent_turns import NO_CALL, NOT_JSON, TEXT_AFTER, agents_trace, read_conversation, tools_in
from infogap.rows.message_turns import UnreadableTurnError, answers_in, messages_in, uses_tools
from infogap.text.spoken_turns import read_turns, spoken_parts, spoken_turns
from infogap.text.text_batch import measured_text

SOURCE = TraceImport.model_validate({"from": "a.jsonl"})
ASKED = [said("user", "6 * 7?")]
CALL = {"name": "multiply", "arguments": {"a": 6, "b": 7}}
PLAIN = [
    said("assistant", "Let me see.", tool_calls=[call("multiply", {"a": 6, "b": 7})]),
    said("tool", "42"),
    said("assistant", "It is 42."),
]


def read(messages: list[dict[str, Any]], **source: Any) -> list[dict[str, Any]]:
    assert uses_tools(messages)
    return read_conversation(messages, SOURCE.model_copy(update=source)).turns


def test_the_trace_is_all_after_the_first_question() -> None:
    prompt, trace = agents_trace(conversation())
    assert [each["role"] for each in prompt] == ["system", "user"]
    assert len(trace) == 6
    later = [*conversation(), said("user", "Sure?"), said("assistant", "Yes, \\boxed{42}.")]
    assert [each["role"] for each in read(later)[-2:]] == ["user", "assistant"]
    assert agents_trace(later)[0] == prompt


@given(conversations())
def test_openais_form_is_kept_as_it_is(messages: list[dict[str, Any]]) -> None:
    prompt, trace = agents_trace(messages)
    assert [*prompt, *read(messages)] == messages
    assert messages_in(json.dumps(messages)) == messages
    assert trace[0]["role"] == "assistant"


@given(conversations())
def test_places_of_turns_are_those_of_their_texts(messages: list[dict[str, Any]]) -> None:
    turns = read_turns(json.dumps(read(messages)))
    reasoning, response = spoken_parts(turns)
    text = measured_text(reasoning, response)
    places = spoken_turns(turns)
    for place in places:
        turn = turns[place.turn]
        assert text[place.start : place.thought_end] == turn.get("reasoning_content", "")
        assert text[place.text_start : place.end] == turn["content"]
    spoken = [
        turn for turn in turns if turn["role"] == "assistant" and (turn["content"] or "reasoning_content" in turn)
    ]
    assert len(places) == len(spoken)
    assert response == turns[-1]["content"]
    assert not any(text[before.end : after.start].strip() for before, after in pairwise(places))


@pytest.mark.parametrize(
    "messages",
    [
        [
            {"from": "human", "value": "6 * 7?"},
            {"from": "gpt", "value": "Let me see."},
            {"from": "function_call", "value": json.dumps(CALL)},
            {"from": "observation", "value": "42"},
            {"from": "gpt", "value": "It is 42."},
        ],
        [
            *ASKED,
            said("assistant", f"Let me see.\n<tool_call>\n{json.dumps(CALL)}\n</tool_call>"),
            said("tool", "<tool_response>\n42\n</tool_response>"),
            said("assistant", "It is 42."),
        ],
        [
            *ASKED,
            said("assistant", f"Let me see. <tool_call>{json.dumps(CALL)}</tool_call>"),
            said("user", "<tool_response>42</tool_response>"),
            said("assistant", "It is 42."),
        ],
        [
            *ASKED,
            said("assistant", "Let me see.", function_call={"name": "multiply", "arguments": '{"a": 6, "b": 7}'}),
            said("function", "42"),
            said("assistant", "It is 42."),
        ],
        [
            *ASKED,
            said("assistant", "Let me see.", tool_calls=[{"function": CALL}], tool_call_id=None),
            said("tool", "42", tool_calls=None, name=None),
            said("assistant", "It is 42.", tool_calls=None),
        ],
    ],
    ids=["sharegpt", "hermes", "qwen", "older", "arguments-as-objects"],
)
def test_every_form_gives_the_same_turns(messages: list[dict[str, Any]]) -> None:
    assert read(messages) == PLAIN
    assert len(agents_trace(messages)[0]) == 1


def test_several_calls_and_results_in_one_text() -> None:
    calls = "".join(f'<tool_call>{{"name": "look", "arguments": {{"at": {place}}}}}</tool_call>\n' for place in (1, 2))
    results = "<tool_response>\none\n</tool_response>\n<tool_response>\ntwo\n</tool_response>"
    turns = read([*ASKED, said("assistant", calls), said("user", results), said("assistant", "Done.")])
    assert turns[0] == said("assistant", "", tool_calls=[call("look", {"at": 1}), call("look", {"at": 2})])
    assert turns[1:3] == [said("tool", "one"), said("tool", "two")]


def test_thoughts_are_kept_by_turn() -> None:
    messages = [
        *ASKED,
        said("assistant", "<think>One way.</think>Let me see.", tool_calls=[call("multiply", {})]),
        said("tool", "42"),
        said("assistant", "It is 42.", reasoning_content="Fine."),
    ]
    turns = read(messages)
    assert [turn.get("reasoning_content") for turn in turns] == ["One way.", None, "Fine."]
    assert [turn["content"] for turn in turns] == ["Let me see.", "42", "It is 42."]
    quoted = "<think>I could write <tool_call>{}</tool_call> here.</think>No need."
    assert "tool_calls" not in read([*messages[:3], said("assistant", quoted)])[-1]


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([*ASKED, *PLAIN, said("narrator", "Once.")], "a turn of the unknown role 'narrator'"),
        ([*ASKED, said("tool", "42"), said("assistant", "It is 42.")], NO_CALL),
        ([*ASKED, *PLAIN[:2], said("tool", "43"), PLAIN[2]], NO_CALL),
        (
            [*ASKED, said("assistant", "", tool_calls=[call("a", {}, "x")]), said("tool", "1", tool_call_id="y")],
            NO_CALL,
        ),
        (
            [*ASKED, said("assistant", "", tool_calls=[{"function": {"name": "a", "arguments": "{a: 1}"}}])],
            NOT_JSON,
        ),
        ([*ASKED, said("assistant", "", tool_calls=[{"function": {"name": "a", "arguments": "[1]"}}])], NOT_JSON),
        ([*ASKED, said("assistant", "", tool_calls=[{"function": {"arguments": "{}"}}])], "without the name"),
        ([*ASKED, PLAIN[0], PLAIN[1], said("assistant", '<tool_call>{"name": "a"')], "a tool call that is not closed"),
        ([*ASKED, PLAIN[0], PLAIN[1], said("assistant", "<tool_call>a()</tool_call>")], "a tool call that is no JSON"),
        ([*ASKED, PLAIN[0], PLAIN[1], said("assistant", f"<tool_call>{json.dumps(CALL)}</tool_call> Ok.")], TEXT_AFTER),
        ([*ASKED, said("assistant", [{"type": "tool_use", "name": "a"}])], "in a form that is not read"),
        ([said("user", "Hi"), said("tool", "1")], "a conversation without an answer"),
        ([*ASKED, PLAIN[0], said("tool", [{"type": "image_url"}])], "a part that is not text"),
    ],
)
def test_what_cannot_be_read_is_named(messages: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(UnreadableTurnError, match=reason.replace("{", "\\{")):
        read(messages)


def test_a_conversation_without_calls_is_read_as_before() -> None:
    chat = [*ASKED, said("assistant", "Write <tool_call> for a call."), said("user", "Thanks"), said("assistant", "Ok")]
    assert not uses_tools(chat)
    (answer,) = answers_in(chat, every=False)
    assert (answer.text, answer.messages) == ("Ok", None)


def test_definitions_of_tools() -> None:
    assert tools_in([{"name": "a"}]) == '[{"name": "a"}]'
    assert tools_in('[ {"name":"a"} ]') == '[ {"name":"a"} ]'
    assert tools_in(None) is tools_in([]) is tools_in("") is None
    with pytest.raises(UnreadableTurnError, match="tools that are no list"):
        tools_in("look_up(words)")


@pytest.mark.parametrize("nothing", ["", " ", None])
def test_empty_arguments_are_an_empty_object(nothing: str | None) -> None:
    asked = [*ASKED, said("assistant", "", tool_calls=[{"function": {"name": "now", "arguments": nothing}}])]
    called, *_ = read([*asked, said("tool", "noon"), said("assistant", "It is noon.")])
    assert called["tool_calls"][0]["function"] == {"name": "now", "arguments": "{}"}
