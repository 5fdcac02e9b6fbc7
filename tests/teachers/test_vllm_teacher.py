"""Which special tokens of an answer are kept: those that are tags of a thought."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from infogap.teachers.vllm.vllm_teacher import AnswerText


class Tokenizer:
    """A tokenizer of whole words, of which some are special tokens."""

    def __init__(self, *words: str, special: tuple[str, ...]) -> None:
        self._words = words
        self.all_special_tokens = list(special)
        self.all_special_ids = [words.index(token) for token in special]

    def decode(self, tokens: list[int], *, skip_special_tokens: bool) -> str:
        assert not skip_special_tokens
        return "".join(self._words[token] for token in tokens)


def output(*tokens: int, stop: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(text="as vLLM gives it", token_ids=list(tokens), stop_reason=stop)


@pytest.mark.parametrize(
    ("opening", "closing"), [("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<|channel|>", "<|message|>")]
)
def test_tags_are_kept_and_other_special_tokens_are_not(opening: str, closing: str) -> None:
    words = (opening, "a", closing, "b", "<|pad|>", "<|im_end|>")
    text = AnswerText(Tokenizer(*words, special=(opening, closing, "<|pad|>", "<|im_end|>")))
    assert text.has_special_tags
    assert text.of(output(0, 1, 2, 4, 3, 5)) == f"{opening}a{closing}b"
    assert text.of(output(0, 1, 2, 3, 5)) == "as vLLM gives it"


def test_without_special_tags_the_text_is_vllms() -> None:
    text = AnswerText(Tokenizer("a", "<|im_end|>", special=("<|im_end|>",)))
    assert not text.has_special_tags
    assert text.of(output(0, 1)) == "as vLLM gives it"
