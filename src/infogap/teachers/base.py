"""What a teacher is: requests in, completions out. What a backend is: all that infogap knows of a kind of teacher."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from infogap import plugins
from infogap.errors import InputError
from infogap.recipe.measure_section import ScorerSettings
from infogap.recipe.teacher_section import AnyTeacher, Price
from infogap.teachers.logprobs import Scorer

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
# Words that are not in the table, by what they are made of: "max_seq_len_reached", "ResponsibleAIPolicyViolation".
_LIMITS = re.compile(r"max|limit|exceed|exhaust|capped|budget|too_long")
_LENGTHS = re.compile(r"token|length|(?:^|_)len(?:_|$)|context|output|generation|predict|seq")
_POLICIES = re.compile(r"policy|safety|moderation|content_filter|guardrail|prohibited")
_MEANING: dict[str, Ended] = {word: meaning for meaning, words in _WORDS.items() for word in words.split()}
_PREFIX = re.compile(r"^(?:finish|stop)_?(?:reason_)?(?=[a-z])")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")


def word_of(value: Any) -> str | None:
    """Read a finish reason as text, also from an object such as {"type": "length"}; None where there is none.

    Raises TypeError for a list.
    """
    if isinstance(value, list):
        raise TypeError("a list is no finish reason")
    if isinstance(value, Mapping):
        value = next((value[key] for key in ("type", "reason") if isinstance(value.get(key), str)), str(dict(value)))
    text = "" if value is None else str(value).strip()
    return None if text.casefold() in {"", "null", "none", "nan"} else text


def meaning(written: str) -> Ended | None:
    """Look a word up, in whichever spelling; None where it is not known.

    For example MAX_TOKENS, maxTokens, max-tokens, FINISH_REASON_MAX_TOKENS, FinishReason.MAX_TOKENS.
    """
    plain = _BETWEEN.sub("_", _HUMP.sub("_", written)).strip("_").casefold()
    for word in (plain, _PREFIX.sub("", plain)):
        if word in _MEANING:
            return _MEANING[word]
    if _LIMITS.search(plain) and _LENGTHS.search(plain):
        return "length"
    return "filtered" if _POLICIES.search(plain) else None


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


def backend_of(settings: AnyTeacher) -> Backend[Any]:
    """Find the backend of a teacher or scorer. Raises InputError where its package is not installed any more."""
    backend: Backend[Any] = plugins.load("backends", settings.backend)
    return backend


def open_teacher(settings: AnyTeacher, resolve: Resolve) -> Teacher:
    """Open a teacher, ready to answer; `resolve` gives a path of the recipe as a path of this machine.

    Raises InputError or ExternalError where it cannot be.
    """
    return backend_of(settings).open(settings, resolve)


def open_scorer(settings: AnyTeacher, resolve: Resolve) -> Scorer:
    """Open a scorer, as `open_teacher`."""
    return backend_of(settings).open_scorer(settings, resolve)
