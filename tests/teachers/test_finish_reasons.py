"""How an answer ended, by the words of many servers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.teachers.finish_reasons import meaning, word_of


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("stop STOP eos eos_token end_turn stop_sequence COMPLETE FINISH_REASON_STOP tool_calls", "stop"),
        ("length MAX_TOKENS max_tokens model_length maxTokens max-tokens LENGTH FinishReason.MAX_TOKENS", "length"),
        ("max_output_tokens model_context_window_exceeded ERROR_LIMIT StopReason.max_tokens", "length"),
        ("max_tokens_exceeded max_seq_len num_predict FINISH_LENGTH output_limit maxGenerationLength", "length"),
        ("stopped stop_sequence finished finish_stop stop_reason_end_turn", "stop"),
        ("ResponsibleAIPolicyViolation LANGUAGE BlockedBySafety", "filtered"),
        ("content_filter SAFETY RECITATION refusal ERROR_TOXIC", "filtered"),
        ("abort error cancelled MALFORMED_FUNCTION_CALL insufficient_system_resource", "failed"),
        ("repetition lengthy OTHER", None),
    ],
)
def test_words_mean_the_same_however_they_are_written(words: str, expected: str | None) -> None:
    assert {meaning(word) for word in words.split()} == {expected}


def test_words_of_several_words() -> None:
    assert meaning("Max tokens") == "length"
    assert meaning("stop sequence") == "stop"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "length", "length": 100}, "length"),
        ({"reason": "max_tokens"}, "max_tokens"),
        ({"other": 1}, "{'other': 1}"),
        (" STOP ", "STOP"),
        (2, "2"),
        (None, None),
        ("", None),
        ("None", None),
    ],
)
def test_words_in_other_forms(value: object, expected: str | None) -> None:
    assert word_of(value) == expected


def test_a_list_is_no_word() -> None:
    with pytest.raises(TypeError):
        word_of(["stop"])


@given(st.text())
def test_any_text_is_a_known_word_or_none(text: str) -> None:
    assert meaning(text) in {"stop", "length", "filtered", "failed", None}
