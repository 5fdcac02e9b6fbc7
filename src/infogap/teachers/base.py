"""What a teacher is: requests in, completions out. What a backend is: all that infogap knows of a kind of teacher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from infogap.errors import InputError
from infogap.recipe.scorer_section import ScorerSettings
from infogap.recipe.teacher_section import AnyTeacher, Price
from infogap.teachers.scoring import Scorer

Settings = TypeVar("Settings", bound=AnyTeacher)
Resolve = Callable[[str], Path]
"""Gives a path of the recipe as a path of this machine."""

FinishReason = Literal["stop", "length", "error", "filtered", "too_long"]  # or a server's word that is not known
FailureReason = Literal["error", "filtered", "too_long"]


@dataclass(frozen=True)
class Request:
    """One sample to ask the teacher for. `request_id` (the later trace_id) is a hash of all that determines it."""

    request_id: str
    messages: list[dict[str, str]]  # role and content, as chat templates take them
    seed: int


@dataclass(frozen=True)
class Completion:
    """The answer to a request; where there is none, `error` says why and `finish_reason` is a FailureReason.

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
    tags: tuple[str, ...] = ()  # that separated the thought from the response, see `thought_tags`

    @classmethod
    def failed(cls, request: Request, error: str, reason: FailureReason = "error") -> Completion:
        """Make the completion of a request that has no answer."""
        return cls(request.request_id, "", "", reason, None, None, error)


class Teacher(Protocol):
    """A teacher, opened with its sampling parameters."""

    name: str  # what the traces call it, such as Qwen/Qwen3-8B: part of every request's identity

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, in any order; takes requests only as fast as it can ask them.

        A request that fails for good is a completion with `error`. Raises ExternalError where going on
        makes no sense (no server answers, the model is missing, the key is refused).
        """
        raise NotImplementedError

    def close(self) -> None:
        """Release connections and memory."""


class Backend(ABC, Generic[Settings]):
    """One kind of teacher: what a recipe says of it, how it is opened, and what its traces depend on.

    Registered under its name in the entry points' group `infogap.backends`, infogap's own and other packages' alike.
    Building one must be cheap: heavy libraries are imported where they are used. What only a few backends need has a
    default here. Whatever takes `settings` raises InputError where they cannot be right.
    """

    name: ClassVar[str]  # what a recipe writes as `backend`
    settings: type[Settings]  # the recipe's `teacher`
    scorer_settings: ClassVar[type[ScorerSettings] | None] = None  # the recipe's `measure.gap.scorer`, as a mapping
    public_keys: ClassVar[tuple[str, ...]] = ()  # of the settings, published besides model, sampling and logprobs
    path_keys: ClassVar[tuple[str, ...]] = ()  # of these: any text below them may be a path, published as a file name

    @abstractmethod
    def open(self, settings: Settings, resolve: Resolve) -> Teacher:
        """Open the teacher, ready to answer.

        Raises InputError, or ExternalError where a service or the machine fails.
        """

    def open_scorer(self, settings: Settings, resolve: Resolve) -> Scorer:
        """Open the model to score texts. Raises InputError where the backend cannot score, ExternalError as `open`."""
        raise self._no_scorer()

    def check_scorer(self, settings: Settings, resolve: Resolve) -> None:
        """Check that the model can score, without loading it. Raises InputError, ExternalError."""
        if type(self).open_scorer is Backend.open_scorer:
            raise self._no_scorer()
        self.model_name(settings, resolve)
        missing = self.missing()
        if missing is not None:
            raise InputError(f"measure.gap: scoring needs {missing}")

    def missing(self) -> str | None:
        """Name what to install before a model can be opened on this machine, and how; None where nothing is missing."""
        return None

    def model_name(self, settings: Settings, resolve: Resolve) -> str:
        """Give the name that traces have for the teacher, before it is opened, which can take minutes.

        Raises InputError where the model is a path and nothing is there.
        """
        return settings.model

    def identity(self, settings: Settings, resolve: Resolve) -> dict[str, Any]:
        """Tell the model from others of its name, as by a file's digest: part of every request's identity."""
        return {}

    def scorer_identity(self, settings: Settings, resolve: Resolve) -> dict[str, Any]:
        """Give all that a text's score depends on besides the text and its prompt."""
        return {"backend": self.name, "model": settings.model, **self.identity(settings, resolve)}

    def price(self, settings: Settings) -> Price | None:
        """Give the price of its tokens; None where they cost nothing or the recipe does not say."""
        return None

    def public(self, settings: Settings, written: dict[str, Any]) -> dict[str, Any]:
        """Select what may be published of the settings, `written` as JSON values: no hosts, keys or local paths."""
        keys = {"backend", "model", "sampling", "logprobs", *self.public_keys}
        return {key: value for key, value in written.items() if key in keys}

    def caveat(self, settings: Settings) -> str | None:
        """Give a sentence in Markdown that readers of the results must see; None where there is none."""
        return None

    def _no_scorer(self) -> InputError:
        return InputError(f"measure.gap.scorer: the backend {self.name} does not score traces; name another model")
