"""The interface of a scorer: texts in, the log-probability of each of their tokens out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TextToScore:
    """A text to score after a prompt, as a model would have written it, with the tags of its thought."""

    key: str  # the caller's, to identify the result
    messages: list[dict[str, str]] | None  # role and content, as chat templates take them; None: no prompt at all
    text: str


@dataclass(frozen=True)
class Scored:
    """The log-probability of each token of a text, in nats, given the prompt and the tokens before it.

    Without a prompt, the first token follows the model's begin-of-text token; if the model has none, the first token
    has the log-probability NaN and the rank 0.
    """

    key: str
    tokens: Sequence[int]  # the same for the same text, whatever the prompt
    logprobs: Sequence[float]
    offsets: Sequence[int]  # the character of the text at which each token begins
    error: str | None = None  # why there is no score
    ranks: Sequence[int] | None = None  # in the vocabulary, 1 the most likely; None if the model gives none

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
        """Score every text, in any order; read texts only as fast as they can be scored.

        If a prompt ends with the opening tag of a thought, the text's own opening tag is not scored again. A text that
        does not fit in the context, or whose prompt the template refuses, has an `error`. Raises ExternalError if there
        is no point in continuing.
        """

    def close(self) -> None:
        """Release connections and memory."""


def offsets_of(text: str, pieces: Iterable[str]) -> list[int]:
    """Find the character of the text at which each of its pieces begins.

    A piece that is not found in its place (part of a character, a space that a tokenizer adds) begins where the piece
    before it ended.
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
