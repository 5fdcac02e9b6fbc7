"""Read a message's content: a text, or a list of parts, some of them thoughts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks")
"""Fields in which servers return a thought beside `content`; the first with text counts."""

# Parts by their type; the key with the text is named like the type, `text`, `content` or `summary`.
_TEXTS = frozenset({"text", "output_text", "input_text"})
_THOUGHTS = frozenset(
    {
        "thinking",
        "thought",
        "reasoning",
        "reasoning_text",
        "reasoning_content",
        "reasoning.text",
        "reasoning.summary",
        "summary_text",
    }
)
_TOOL_CALLS = frozenset({"tool_use", "tool_call", "function_call"})
_WITHOUT_TEXT = _TOOL_CALLS | {"redacted_thinking", "reasoning.encrypted"}
_TEXT_KEYS = ("text", "thinking", "reasoning", "thought", "content", "summary", "reasoningText", "reasoning_content")


class ContentError(ValueError):
    """A message whose content has an unknown form; the message says which."""


@dataclass(frozen=True)
class Content:
    """A message's thought and its text, which is None where there is none at all."""

    thought: str
    text: str | None


def is_parts(value: Any) -> bool:
    """Whether a value is one message's list of parts, rather than a list of texts."""
    return isinstance(value, list) and bool(value) and all(isinstance(part, Mapping) for part in value)


def is_output(value: Any) -> bool:
    """Whether a value is one answer of OpenAI's Responses: a list of typed items, a message among them."""
    kinds = [part.get("type") for part in value] if is_parts(value) else []
    return "message" in kinds and None not in kinds


def calls_tools(value: Any) -> bool:
    """Whether some part of a message's content calls a tool."""
    return isinstance(value, list) and any(
        isinstance(part, Mapping) and part.get("type") in _TOOL_CALLS for part in value
    )


def read_content(value: Any) -> Content:
    """Read a message's content: null, a text, or parts ({"type": "text" | "thinking" | "reasoning" ...}).

    Raises ContentError for any other form.
    """
    if value is None or isinstance(value, str):
        return Content("", value)
    parts = list(_parts(value, thought=False))
    texts = [text for text, thought in parts if not thought]
    return Content("\n".join(text for text, thought in parts if thought), "".join(texts) if texts else None)


def thought_beside(message: Mapping[str, Any]) -> str:
    """Read the thought that a server returns in a field of its own; empty if there is none.

    Raises ContentError where the field has an unknown form.
    """
    for name in THOUGHT_FIELDS:
        if value := message.get(name):
            thought = value if isinstance(value, str) else "\n".join(text for text, _ in _parts(value, thought=True))
            if thought.strip():
                return thought
    return ""


def _parts(value: Any, *, thought: bool) -> Iterator[tuple[str, bool]]:
    """Yield the texts of parts, in order, each with whether it is a thought."""
    match value:
        case str():
            yield value, thought
        case list():
            for part in value:
                yield from _parts(part, thought=thought)
        case Mapping():
            yield from _part(value, thought=thought)
        case None:
            return
        case _:
            raise ContentError(f"a part is {type(value).__name__}, not text")


def _part(part: Mapping[str, Any], *, thought: bool) -> Iterator[tuple[str, bool]]:
    kind = part.get("type")
    if isinstance(inner := part.get("parts"), list):  # Gemini
        yield from _parts(inner, thought=thought)
        return
    if kind == "message" and part.get("role") == "assistant":  # an item of OpenAI's Responses
        yield from _parts(part.get("content"), thought=thought)
        return
    if "role" in part:
        raise ContentError("a part is a message by itself")
    if kind in _WITHOUT_TEXT:
        return
    if nested := part.get("reasoningContent"):  # Bedrock
        yield from _parts(nested, thought=True)
        return
    if kind is not None and kind not in _TEXTS and kind not in _THOUGHTS:
        raise ContentError(f"a part has the type '{kind}'")
    thought = thought or kind in _THOUGHTS or part.get("thought") is True  # the last one is Gemini's
    key = next((key for key in _TEXT_KEYS if isinstance(part.get(key), str | list | Mapping) and part[key]), None)
    if key is not None:
        yield from _parts(part[key], thought=thought or key not in ("text", "content"))
    elif kind is None and not any(key in part for key in _TEXT_KEYS):
        raise ContentError(f"a part has the keys {', '.join(map(str, part)) or 'of an empty object'}")
