"""Lists of messages: which turns are the prompt, which is the answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.rows.message_turns import (
    Answer,
    UnreadableTurnError,
    answers_in,
    messages_in,
    prompt_messages,
    transcript,
    turns,
)


def said(role: str, text: Any) -> dict[str, Any]:
    return {"role": role, "content": text}


_TURNS = st.lists(
    st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text("abc", min_size=1)), min_size=1, max_size=6
)


@given(_TURNS)
def test_prompt_and_answer_are_the_conversation_up_to_its_last_answer(spoken: list[tuple[str, str]]) -> None:
    messages = [said(role, text) for role, text in spoken]
    roles = [role for role, _ in spoken]
    if "assistant" not in roles:
        assert prompt_messages(messages, answered=False) == messages
        with pytest.raises(UnreadableTurnError):
            prompt_messages(messages, answered=True)
        return
    last = len(roles) - 1 - roles[::-1].index("assistant")
    assert prompt_messages(messages, answered=True) == messages[:last]
    if set(roles) != {"assistant"}:
        assert answers_in(messages, every=False) == [Answer(spoken[last][1], None)]
    if roles[-1] != "assistant":
        assert prompt_messages(messages, answered=False) == messages


def test_both_spellings_are_read_and_published_in_one() -> None:
    shared = [
        {"from": "system", "value": "Be brief."},
        {"from": "human", "value": "Hi "},
        {"from": "gpt", "value": "Yo"},
    ]
    found = messages_in(shared)
    assert found is not None
    assert turns(found) == [said("system", "Be brief."), said("user", "Hi"), said("assistant", "Yo")]
    assert transcript(turns(found)) == "System: Be brief.\n\nUser: Hi\n\nAssistant: Yo"
    assert transcript(turns(found[1:2])) == "Hi"


@pytest.mark.parametrize("value", ["text", "[1, 2]", ["a", "b"], [{"text": "a"}], [], {"role": "user"}, None, 3])
def test_other_values_are_no_messages(value: Any) -> None:
    assert messages_in(value) is None


def test_messages_in_json_text_are_messages() -> None:
    assert messages_in('[{"role": "user", "content": "Hi"}]') == [said("user", "Hi")]


def test_thoughts_of_earlier_turns_are_no_part_of_the_prompt() -> None:
    earlier = said("assistant", "<think>\nHm.\n</think>\n\nHello.")
    assert turns([earlier]) == [said("assistant", "Hello.")]


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (said("assistant", "4") | {"reasoning_content": "2 + 2"}, Answer("4", "2 + 2", in_field=True)),
        (said("assistant", None) | {"reasoning": "2 +"}, Answer(None, "2 +", in_field=True)),
        ({"role": "assistant", "reasoning": "2 +"}, Answer(None, "2 +", in_field=True)),
        (
            said("assistant", "4") | {"reasoning_details": [{"type": "reasoning.text", "text": "2 + 2"}]},
            Answer("4", "2 + 2", in_field=True),
        ),
        (said("assistant", [{"type": "text", "text": "4"}, {"type": "text", "text": "."}]), Answer("4.", None)),
        (
            said("assistant", [{"type": "thinking", "thinking": "2 + 2"}, {"type": "text", "text": "4"}]),
            Answer("4", "2 + 2"),
        ),
    ],
)
def test_an_answer_with_a_thought_of_its_own(message: dict[str, Any], answer: Answer) -> None:
    assert answers_in([said("user", "2 + 2?"), message], every=False) == [answer]
    assert answers_in([message, message], every=True) == [answer, answer]
    assert answers_in(message, every=False) == [answer]


def test_several_answers_side_by_side_are_samples() -> None:
    found = answers_in([said("assistant", "4"), said("assistant", "5")], every=False)
    assert found == [Answer("4", None), Answer("5", None)]
    both = [[said("user", "q"), said("assistant", "4")], [said("user", "q"), said("assistant", "5")]]
    assert answers_in(both, every=True) == [Answer("4", None), Answer("5", None)]


@pytest.mark.parametrize(
    "message",
    [
        said("narrator", "Once."),
        said("user", [{"type": "image_url", "image_url": "x"}]),
        said("user", None),
        said("assistant", "4") | {"tool_calls": [{"id": "1"}]},
        said("assistant", [{"type": "text", "text": "4"}, {"type": "tool_use", "name": "add"}]),
    ],
)
def test_what_cannot_be_kept_whole_is_refused(message: dict[str, Any]) -> None:
    with pytest.raises(UnreadableTurnError):
        turns([message])


def test_the_parts_of_one_answer_are_one_sample_and_a_list_of_them_several() -> None:
    parts = [{"type": "thinking", "thinking": "2 + 2"}, {"type": "text", "text": "4"}]
    assert answers_in(parts, every=False) == [parts]
    assert answers_in([parts, "4"], every=False) == [parts, "4"]
    assert answers_in(parts, every=True) == parts


def test_geminis_messages_are_messages() -> None:
    chat = [{"role": "user", "parts": [{"text": "3 + 4?"}]}, {"role": "model", "parts": [{"text": "7"}]}]
    assert answers_in(chat, every=False) == [Answer("7", None)]
    assert turns(chat[:1]) == [{"role": "user", "content": "3 + 4?"}]
