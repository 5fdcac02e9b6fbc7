"""How likely a model finds a given text: what every engine that scores takes and gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class TextToScore:
    """A text as a model would have written it, tags of its thought included, after a prompt."""

    key: str  # the caller's, to know the result by
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
        """What is said of a text that cannot be scored."""
        return cls(text.key, [], [], [], error)


class Scorer(Protocol):
    """A model that scores texts."""

    @property
    def name(self) -> str:
        """What the gaps call it, such as Qwen/Qwen3-8B."""

    def score(self, texts: Iterable[TextToScore]) -> Iterator[Scored]:
        """Score every text, in any order; takes texts only as fast as it can score them.

        Where a prompt ends with the opening tag of a thought, the tag that the text begins with counts as read.
        A text that does not fit in the context, or whose prompt the template refuses, has an `error`. Raises
        WorldError where going on makes no sense.
        """

    def close(self) -> None:
        """Give back connections and memory."""


def offsets_of(text: str, pieces: Iterable[str]) -> list[int]:
    """At which character of the text each of its pieces begins.

    A piece that is not found where it should be (half a character, a space that a tokenizer adds) begins where the
    one before it ended.
    """
    offsets, at = [], 0
    for piece in pieces:
        found = text.find(piece, at, at + len(piece) + 2) if piece else -1
        if found >= 0:
            offsets.append(found)
            at = found + len(piece)
        else:
            offsets.append(min(at, len(text)))
    return offsets
