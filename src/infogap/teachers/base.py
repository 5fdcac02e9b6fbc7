"""The interface of a teacher (requests in, completions out) and of a backend, which opens one kind of teacher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar

from infogap import plugins
from infogap.errors import InputError
from infogap.recipe.measure_section import ScorerSettings
from infogap.recipe.teacher_section import AnyTeacher, Price
from infogap.teachers.scorer import Scorer

if TYPE_CHECKING:
    from infogap.teachers.batch_service import BatchService

Settings = TypeVar("Settings", bound=AnyTeacher)
Resolve = Callable[[str], Path]
"""Resolves a path of the recipe on this machine."""

FinishReason = Literal["stop", "length", "error", "filtered", "too_long"]  # or a server's own, unknown word
FailureReason = Literal["error", "filtered", "too_long"]


@dataclass(frozen=True)
class Request:
    """A request for one sample. Its id, which becomes the trace_id, is a hash of everything that determines it."""

    request_id: str
    messages: list[dict[str, str]]  # role and content, as chat templates take them
    seed: int


@dataclass(frozen=True)
class Completion:
    """The answer to a request; without one, `error` says why and `finish_reason` is a FailureReason.

    With `logprobs` in the recipe, `token_logprobs` and `token_entropies` hold, for each token that the teacher wrote,
    thoughts included, its log-probability and the entropy at its position, in nats.
    """

    request_id: str
    reasoning: str  # the thinking part, without its tags; may be empty
    response: str
    finish_reason: FinishReason | str
    prompt_tokens: int | None
    completion_tokens: int | None
    error: str | None = None
    token_logprobs: Sequence[float] | None = None
    token_entropies: Sequence[float] | None = None
    tags: tuple[str, ...] = ()  # that split the thought from the response, see `thought_tags`

    @classmethod
    def failed(cls, request: Request, error: str, reason: FailureReason = "error") -> Completion:
        """Make the completion of a request that has no answer."""
        return cls(request.request_id, "", "", reason, None, None, error)


class Teacher(Protocol):
    """A teacher, opened with its sampling parameters."""

    name: str  # in the traces, such as Qwen/Qwen3-8B: part of every request's identity

    def answer(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, in any order; read requests only as fast as they can be sent.

        A request that fails for good gives a completion with `error`. Raises ExternalError if there is no point in
        continuing (no server answers, the model is missing, the key is refused).
        """
        raise NotImplementedError

    def close(self) -> None:
        """Release connections and memory."""


class Backend(ABC, Generic[Settings]):
    """One kind of teacher: its settings in a recipe, how it is opened, and what its traces depend on.

    Infogap's own backends, and those of other packages, are entry points of the group `infogap.backends`. Constructing
    one must be cheap: import heavy libraries where they are used. What only a few backends need has a default here.
    Every method that takes `settings` raises InputError if they are wrong.
    """

    name: ClassVar[str]  # what a recipe writes as `backend`
    settings: type[Settings]  # the recipe's `teacher`
    scorer_settings: ClassVar[type[ScorerSettings] | None] = None  # the recipe's `measure.gap.scorer`, as a mapping
    public_keys: ClassVar[tuple[str, ...]] = ()  # settings published besides model, sampling and logprobs
    path_keys: ClassVar[tuple[str, ...]] = ()  # of these: any text below them may be a path, published as a file name

    @abstractmethod
    def open(self, settings: Settings, resolve: Resolve) -> Teacher:
        """Open the teacher, ready to answer.

        Raises InputError, or ExternalError if a service or the machine fails.
        """

    def in_batches(self, settings: Settings) -> bool:
        """Return True if the teacher answers files of requests, hours later, and is opened by `open_batches`."""
        return False

    def open_batches(self, settings: Settings) -> BatchService:
        """Open the service that takes batches; nothing is sent before its first call, which needs the key."""
        raise NotImplementedError

    def in_json(self, settings: Settings, schema: dict[str, Any]) -> Settings | None:
        """Return settings that ask for answers in JSON of a schema; None if the backend or the recipe rules it out."""
        return None

    def open_scorer(self, settings: Settings, resolve: Resolve) -> Scorer:
        """Open the model to score texts. Raises InputError if the backend cannot score, ExternalError as `open`."""
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
        """Return what to install before a model can be opened on this machine, and how; None if nothing is missing."""
        return None

    def model_name(self, settings: Settings, resolve: Resolve) -> str:
        """Return the teacher's name in the traces without opening it, which can take minutes.

        Raises InputError if the model is a path and nothing is there.
        """
        return settings.model

    def identity(self, settings: Settings, resolve: Resolve) -> dict[str, Any]:
        """Return what tells the model from others of its name, as a file's digest: part of every request's identity."""
        return {}

    def scorer_identity(self, settings: Settings, resolve: Resolve) -> dict[str, Any]:
        """Return everything that a text's score depends on besides the text and its prompt."""
        return {"backend": self.name, "model": settings.model, **self.identity(settings, resolve)}

    def price(self, settings: Settings) -> Price | None:
        """Return the price of its tokens; None if they cost nothing or the recipe does not say."""
        return None

    def public(self, settings: Settings, written: dict[str, Any]) -> dict[str, Any]:
        """Return the settings that may be published, of `written` as JSON values: no hosts, keys or local paths."""
        keys = {"backend", "model", "sampling", "logprobs", *self.public_keys}
        return {key: value for key, value in written.items() if key in keys}

    def caveat(self, settings: Settings) -> str | None:
        """Return a sentence in Markdown that readers of the results must see; None if there is none."""
        return None

    def _no_scorer(self) -> InputError:
        return InputError(f"measure.gap.scorer: the backend {self.name} does not score traces; name another model")


def backend_of(settings: AnyTeacher) -> Backend[Any]:
    """Return the backend of a teacher or scorer. Raises InputError if its package is no longer installed."""
    backend: Backend[Any] = plugins.load("backends", settings.backend)
    return backend


def open_teacher(settings: AnyTeacher, resolve: Resolve) -> Teacher:
    """Open a teacher, ready to answer; `resolve` resolves a path of the recipe on this machine.

    Raises InputError or ExternalError if it cannot be opened.
    """
    return backend_of(settings).open(settings, resolve)


def open_scorer(settings: AnyTeacher, resolve: Resolve) -> Scorer:
    """Open a scorer, as `open_teacher`."""
    return backend_of(settings).open_scorer(settings, resolve)
