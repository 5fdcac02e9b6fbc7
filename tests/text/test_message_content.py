"""Messages as texts and as parts."""

from __future__ import annotations

from typing import Any

import pytest

from infogap.text.message_content import Content, ContentError, is_output, is_parts, read_content, thought_beside

THOUGHT_PARTS: list[list[dict[str, Any]]] = [
    [{"type": "thinking", "thinking": "a", "signature": "x"}, {"type": "text", "text": "4"}],
    [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}, {"type": "text", "text": "4"}],
    [{"type": "reasoning", "text": "a"}, {"type": "text", "text": "4"}],
    [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]}, {"type": "output_text", "text": "4"}],
    [{"type": "reasoning", "content": [{"type": "reasoning_text", "text": "a"}]}, {"type": "text", "text": "4"}],
    [{"text": "a", "thought": True}, {"text": "4"}],
    [{"reasoningContent": {"reasoningText": {"text": "a", "signature": "x"}}}, {"text": "4"}],
    [{"type": "redacted_thinking", "data": "x"}, {"type": "thinking", "thinking": "a"}, {"type": "text", "text": "4"}],
    [{"type": "thinking", "thinking": "a", "text": None}, {"type": "text", "text": "4", "thinking": None}],  # Parquet's
    [{"type": "thinking", "thinking": "a"}, {"type": "text", "text": "4"}, {"type": "tool_use", "name": "f"}],
]


@pytest.mark.parametrize("parts", THOUGHT_PARTS)
def test_parts(parts: list[dict[str, Any]]) -> None:
    assert is_parts(parts)
    assert read_content(parts) == Content("a", "4")


def test_what_gemini_and_openais_responses_give_for_one_answer() -> None:
    assert read_content({"role": "model", "parts": [{"text": "a", "thought": True}, {"text": "4"}]}) == Content(
        "a", "4"
    )
    output = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "a"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "4"}]},
    ]
    assert is_output(output) and not is_output(output[:1])
    assert read_content(output) == Content("a", "4")


def test_texts_and_nothing() -> None:
    assert read_content("4") == Content("", "4")
    assert read_content(None) == Content("", None)
    assert read_content([]) == Content("", None)
    assert read_content(["It is ", "4"]) == Content("", "It is 4")
    assert read_content([{"type": "thinking", "thinking": "a"}]) == Content("a", None)
    assert read_content([{"type": "text", "text": ""}]) == Content("", None)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([{"type": "image_url", "image_url": {}}], "a part has the type 'image_url'"),
        ([{"role": "user", "content": "2+2?"}], "a part is a message by itself"),
        ([4], "a part is int, not text"),
        ([{"data": "x"}], "a part has the keys data"),
        ([{}], "an empty object"),
    ],
)
def test_other_forms_are_named(value: object, said: str) -> None:
    with pytest.raises(ContentError, match=said):
        read_content(value)


@pytest.mark.parametrize(
    "message",
    [
        {"reasoning": "a"},
        {"reasoning": None, "reasoning_content": "a"},
        {"thinking": "a"},
        {"reasoning_content": " ", "reasoning": "a"},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "a"}, {"type": "reasoning.encrypted"}]},
        {"thinking_blocks": [{"type": "thinking", "thinking": "a", "signature": "x"}]},
    ],
)
def test_a_thought_beside_the_content(message: dict[str, Any]) -> None:
    assert thought_beside(message) == "a"


def test_no_thought_beside_the_content() -> None:
    assert thought_beside({"content": "4", "reasoning": ""}) == ""
