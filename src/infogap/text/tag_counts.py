"""Count the tags, end tokens and finish reasons of the texts that a stage has read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from infogap.text.thoughts import Parts

# A text that begins with such a tag, and closes it, may hold a thought; `_OF_ANSWERS` are tags of answers.
_FIRST_TAG = re.compile(r"<(\|?)([A-Za-z][\w:.-]{1,40})(?: [^<>\n]{1,200})?\1>")
_PAIRED = re.compile(r"\[([A-Z][A-Z_ ]{2,40})\](?=.*\[/\1\])", re.DOTALL)
# Tokens of a tokenizer, and a sentence: these need no closing tag of the same name.
_TOKEN = re.compile(r"<\|[A-Za-z]\w{1,40}>|<｜[^｜<>\n]{2,40}｜>|<unused\d+>|Here(?:'s| is) my thought process:")
_OF_ANSWERS = re.compile(
    r"(final_)?answer|solution|output|response|result|steps?|explanation|code|html|body|div|span|table|p|[uo]l|li|pre"
    r"|h[1-4]|em|strong|math",
    re.IGNORECASE,
)


@dataclass
class TagCounts:
    """Numbers of texts, by tag, end token and finish reason."""

    tags: Counter[str] = field(default_factory=Counter)
    end_tokens: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)  # unknown tags that may be a thought's
    words: Counter[str] = field(default_factory=Counter)  # unknown finish reasons
    ran_on: int = 0

    def add(self, parts: Parts) -> None:
        """Count one text."""
        self.tags.update(parts.tags)
        self.end_tokens.update(parts.end_tokens)
        self.ran_on += parts.ran_on
        if not parts.reasoning and (tag := _first_tag(parts.response)):
            self.unread[tag] += 1

    def state(self) -> dict[str, Any]:
        """Return the counts as JSON-able values, by field."""
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in vars(self).items()}

    @classmethod
    def of(cls, state: dict[str, Any]) -> Self:
        """Return counts again from their `state`."""
        counters = {name: Counter(value) for name, value in state.items() if isinstance(value, dict)}
        return cls(**(state | counters))

    def as_counts(self) -> dict[str, Any]:
        """Return the counts for the manifest; empty ones are left out."""
        counted = {
            "thoughts_by": self.tags,
            "end_tokens_removed": self.end_tokens,
            "tags_not_read": +self.unread,
            "finish_reasons_not_known": self.words,
        }
        present: dict[str, Any] = {name: dict(sorted(each.items())) for name, each in counted.items() if each}
        return present | ({"text_after_end_token": self.ran_on} if self.ran_on else {})

    def notes(self) -> Iterator[str]:
        """Yield sentences for the user."""
        if self.tags:
            yield f"thoughts were recognised by {_listed(self.tags)}"
        if self.end_tokens:
            yield f"end-of-sequence tokens removed: {_listed(self.end_tokens)}"
        if self.ran_on:
            yield f"{_traces(self.ran_on)} continued after an end-of-sequence token; the text after it is left out"
        for tag, count in sorted((+self.unread).items()):
            begin = "begins" if count == 1 else "begin"
            yield (
                f"{_traces(count)} {begin} with {tag}, which was not read as a thought's; if it is one, name it: "
                f"`thinking: {{open: '{tag}', close: ...}}`"
            )
        if self.words:
            yield f"unknown finish reasons, kept as they are: {_listed(self.words)}"


def _first_tag(response: str) -> str | None:
    """Return the tag with which a response begins, if it may be a thought's."""
    if other := _TOKEN.match(response) or _PAIRED.match(response):
        return other[0]
    first = _FIRST_TAG.match(response)
    if first is None or _OF_ANSWERS.fullmatch(first[2]):
        return None
    return first[0] if first[1] or f"</{first[2]}>" in response else None


def _listed(counts: Counter[str]) -> str:
    return ", ".join(
        f"{name} ({_traces(count)})" for name, count in sorted(counts.items(), key=lambda c: (-c[1], c[0]))
    )


def _traces(count: int) -> str:
    return f"{count:,} trace{'' if count == 1 else 's'}"
