"""The protocol that every teacher follows: requests in, completions out, in whatever order they finish."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

FinishReason = Literal["stop", "length", "error", "filtered", "too_long"]  # or a server's word that is not known
FailureReason = Literal["error", "filtered", "too_long"]


@dataclass(frozen=True)
class Request:
    """One sample asked of the teacher. `request_id` (the later trace_id) is a hash of all that determines it."""

    request_id: str
    messages: list[dict[str, str]]  # role and content, as chat templates take them
    seed: int


@dataclass(frozen=True)
class Completion:
    """The answer to a request, or why there is none: `error` says it, `finish_reason` is a FailureReason.

    Where the recipe asks for `logprobs`: per token that the teacher wrote, thoughts included, in nats, its
    log-probability and the entropy at its place.
    """

    request_id: str
    reasoning: str  # the thinking part, without its tags; empty where there is none
    response: str
    finish_reason: FinishReason | str
    prompt_tokens: int | None
    completion_tokens: int | None
    error: str | None = None
    token_logprobs: Sequence[float] | None = None
    token_entropies: Sequence[float] | None = None
    tags: tuple[str, ...] = ()  # by which the thought was told from the response, see `thought_tags`

    @classmethod
    def failed(cls, request: Request, error: str, reason: FailureReason = "error") -> Completion:
        """The completion of a request that has no answer."""
        return cls(request.request_id, "", "", reason, None, None, error)


class Teacher(Protocol):
    """A teacher, opened with its sampling parameters."""

    @property
    def name(self) -> str:
        """What the traces call it, such as Qwen/Qwen3-8B: part of every request's identity."""

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, in any order; takes requests only as fast as it can ask them.

        A request that fails for good is a completion with `error`. Raises WorldError where going on
        makes no sense (no server answers, the model is missing, the key is refused).
        """

    def close(self) -> None:
        """Give back connections and memory."""
