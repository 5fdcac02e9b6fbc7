"""Finish reasons: how an answer ended, by the many words that servers and files have for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal

Ended = Literal["stop", "length", "filtered", "failed"]

_WORDS: dict[Ended, str] = {
    # The model ended its answer: OpenAI, Anthropic, Gemini, Cohere, Mistral, text-generation-inference, Ollama, Bedrock
    "stop": "stop stopped eos eos_token eot end end_turn end_of_turn end_of_text end_of_sequence stop_sequence "
    "stop_sequences stop_sequence_reached stop_token stop_str finish finished finished_stop complete completed done "
    "normal success tool_call tool_calls tool_use function_call function_calls pause_turn matched_stop",
    # It reached a token limit
    "length": "length max_length length_limit max_tokens max_token max_tokens_reached max_output_tokens max_new_tokens "
    "max_completion_tokens max_gen_len model_length model_context_window_exceeded context_length context_limit "
    "context_window context_length_exceeded context_window_exceeded token_limit tokens_limit token_limit_reached "
    "error_limit num_predict budget_exhausted limit cut cut_off truncated truncation incomplete preempted_length",
    # A filter ended it
    "filtered": "content_filter content_filtered filter filtered safety recitation blocklist blocked "
    "prohibited_content spii image_safety refusal refused sensitive guardrail_intervened guardrails moderation "
    "error_toxic content_policy language",
    "failed": "error errored fail failed failure abort aborted cancel cancelled canceled interrupted timeout timed_out "
    "user_cancel malformed_function_call unexpected_tool_call network_error internal_error too_long "
    "insufficient_system_resource",
}
# Words that are not in the table are recognized by their parts: "max_seq_len_reached", "ResponsibleAIPolicyViolation".
_LIMITS = re.compile(r"max|limit|exceed|exhaust|capped|budget|too_long")
_LENGTHS = re.compile(r"token|length|(?:^|_)len(?:_|$)|context|output|generation|predict|seq")
_POLICIES = re.compile(r"policy|safety|moderation|content_filter|guardrail|prohibited")
_MEANING: dict[str, Ended] = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_PREFIX = re.compile(r"^(?:finish|stop)_?(?:reason_)?(?=[a-z])")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")


def word_of(value: Any) -> str | None:
    """Return a finish reason as text, read from an object such as {"type": "length"} if it is one; None without one.

    Raises TypeError for a list.
    """
    if isinstance(value, list):
        raise TypeError("a list is no finish reason")
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("type", "reason") if isinstance(value.get(key), str)), str(dict(value)))
    text = "" if value is None else str(value).strip()
    return None if text.casefold() in {"", "null", "none", "nan"} else text


def meaning(written: str) -> Ended | None:
    """Return how an answer ended by its finish reason, in any spelling; None if the word is not known.

    For example, `length` for MAX_TOKENS, maxTokens, max-tokens, FINISH_REASON_MAX_TOKENS, FinishReason.MAX_TOKENS.
    """
    plain = _BETWEEN.sub("_", _HUMP.sub("_", written)).strip("_").casefold()
    for word in (plain, _PREFIX.sub("", plain)):
        if word in _MEANING:
            return _MEANING[word]
    if _LIMITS.search(plain) and _LENGTHS.search(plain):
        return "length"
    return "filtered" if _POLICIES.search(plain) else None
