"""Scoring: the log-probabilities that a model gives the tokens of an existing text. What scorers take and return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TextToScore:
    """A text to score after a prompt, as a model would have written it, with the tags of its thought."""

    key: str  # the caller's, to recognise the result
    messages: list[dict[str, str]] | None  # role and content, as chat templates take them; None: no prompt at all
    text: str


@dataclass(frozen=True)
class Scored:
    """Per token of the text its log-probability, in nats, given the prompt and the tokens before it.

    Without a prompt the first token follows the model's begin-of-text token; where the model has none, its
    log-probability is NaN.
    """

    key: str
    tokens: Sequence[int]  # the same for the same text, whatever the prompt
    logprobs: Sequence[float]
    offsets: Sequence[int]  # at which character of the text each token begins
    error: str | None = None  # why there are none

    @classmethod
    def failed(cls, text: TextToScore, error: str) -> Scored:
        """Make the result of a text that cannot be scored."""
        return cls(text.key, [], [], [], error)


class Scorer(Protocol):
    """A model that scores texts."""

    @property
    def name(self) -> str:
        """Its name in the gaps table, such as Qwen/Qwen3-8B."""

    def score(self, texts: Iterable[TextToScore]) -> Iterator[Scored]:
        """Score every text, in any order; takes texts only as fast as it can score them.

        Where a prompt ends with the opening tag of a thought, the tag that the text begins with counts as read.
        A text that does not fit in the context, or whose prompt the template refuses, has an `error`. Raises
        ExternalError where going on makes no sense.
        """

    def close(self) -> None:
        """Release connections and memory."""


def offsets_of(text: str, pieces: Iterable[str]) -> list[int]:
    """Find the character of the text at which each of its pieces begins.

    A piece that does not occur where it should (part of a character, a space that a tokenizer adds) begins where the
    one before it ended.
    """
    offsets, at = [], 0
    for piece in pieces:
        start = text.find(piece, at, at + len(piece) + 2) if piece else -1
        if start >= 0:
            offsets.append(start)
            at = start + len(piece)
        else:
            offsets.append(min(at, len(text)))
    return offsets
