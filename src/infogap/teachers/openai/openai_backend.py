"""The openai backend: servers that speak the OpenAI protocol, their settings in a recipe, and how they are opened."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from infogap.errors import InputError
from infogap.recipe.base import Model, OneOrMore, is_none, refuse_at
from infogap.recipe.measure_section import ScorerSettings
from infogap.recipe.teacher_section import (
    AnyTeacher,
    Logprobs,
    Price,
    Sampling,
    TagPair,
    Thinking,
    as_json,
    where_given,
)
from infogap.teachers.base import Backend, Resolve, Teacher
from infogap.teachers.batch_service import BatchService
from infogap.teachers.scorer import Scorer

# Keys of a request's body that shape the answer. Values of others are not published: they can name people and servers.
_SHAPING = re.compile(
    r"chat_template(_kwargs)?|(enable_)?thinking|(thinking|reasoning)_\w*budget|(include_|separate_)?reasoning"
    r"|reasoning_(effort|format)|verbosity|temperature|(top|min|typical)_[akp]|\w+_penalty|(dry|xtc|mirostat)_\w+|mirostat"
    r"|(max|min)_\w*tokens|stop\w*|ignore_eos|seed|logit_bias|bad_words|response_format|structured_outputs|guided_\w+"
)
_FORMS = re.compile(r"response_format|structured_outputs|guided_\w+")
_HIDDEN = "(not published)"

_PATH = "/chat/completions"


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # the port is no number or too large, or a bracket is open
        return False


def _check_urls(urls: list[str]) -> list[str]:
    for index, url in enumerate(urls):
        if not _is_url(url):
            raise refuse_at((index,), f"should be a URL such as http://localhost:8000/v1, found '{url}'")
        if url.rstrip("/").endswith(_PATH):
            raise refuse_at((index,), f"leave out {_PATH}, which is added to it")
    return urls


ServerUrls = Annotated[
    OneOrMore, Field(min_length=1, description="Up to and including /v1."), AfterValidator(_check_urls)
]


def _is_live(mode: object) -> bool:
    return mode == "live"


class BatchLimits(Model):
    """What a provider takes as one batch; the defaults are OpenAI's."""

    requests: int = Field(50_000, ge=1, description="Requests in a batch, at most.")
    megabytes: float = Field(200, gt=0, description="Millions of bytes in a batch's file, at most.")
    window: str = Field("24h", min_length=1, description="The time in which the provider completes a batch.")


class OpenAITeacher(AnyTeacher):
    """Any server, or several, that speaks the OpenAI chat-completions protocol."""

    backend: Literal["openai"]
    model: str = Field(min_length=1, description="As the servers call it.")
    base_url: ServerUrls
    api_key_env: str | None = Field(None, description="The environment variable that holds the key.")
    sampling: Sampling = Sampling()
    concurrency: int = Field(64, ge=1, description="Requests in flight, all servers together.")
    timeout: float = Field(600, gt=0, description="Seconds per request.")
    attempts: int = Field(5, ge=1, description="How often one request is tried before it counts as failed.")
    context_length: int | None = Field(
        None, ge=1, description="Tokens of prompt and answer together, where the servers do not say it (vLLM's do)."
    )
    extra_body: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(
        {}, description="Further keys of the request's body; a key set to null is removed from it."
    )
    thinking: Thinking | None = Field(
        None,
        description="`opened`: the prompt's template opens the thought, and the server has no reasoning parser. An "
        "answer without tags is then a thought that was cut off. Or the tags around thoughts, where they are none of "
        "the known ones: {open: <ponder>, close: </ponder>}.",
    )

    logprobs: Logprobs = None
    price: Price | None = None
    mode: Literal["live", "batch"] = Field(
        "live",
        exclude_if=_is_live,
        description="`batch`: send requests as files that the provider answers within a day, at a lower price.",
    )
    batch: BatchLimits | None = Field(None, exclude_if=is_none, description="The limits of a batch.")

    @field_validator("extra_body")
    @classmethod
    def _one_whole_answer(cls, extra: dict[str, Any]) -> dict[str, Any]:
        if extra.get("stream"):
            raise refuse_at(("stream",), "answers are read whole; leave it out")
        if extra.get("n", 1) not in (1, None):
            raise refuse_at(("n",), "a request is for one answer; `generate.samples` says how many there are")
        if "messages" in extra:
            raise refuse_at(("messages",), "the prompt follows from the task and the privilege; leave it out")
        return extra

    @model_validator(mode="after")
    def _room_for_a_prompt(self) -> Self:
        most = self.sampling.max_tokens
        if self.context_length is not None and most >= self.context_length:
            message = f"is {self.context_length}, and leaves no room for a prompt beside {most} tokens of an answer"
            raise refuse_at(("context_length",), f"{message} (`sampling.max_tokens`)")
        return self

    @model_validator(mode="after")
    def _batches_of_one_server(self) -> Self:
        if self.mode == "live" and self.batch is not None:
            raise refuse_at(("batch",), "has the limits of `mode: batch`; add that, or leave this out")
        if self.mode == "batch" and len(self.base_url) > 1:
            message = f"`mode: batch` needs exactly one server, found {len(self.base_url)}: a batch belongs to the "
            raise refuse_at(("base_url",), f"{message}server that took it")
        return self

    @property
    def batch_limits(self) -> BatchLimits:
        """The limits of a batch, defaults filled in."""
        return self.batch or BatchLimits()

    @property
    def answer_settings(self) -> dict[str, Any]:
        """What determines an answer besides the model and the prompt: part of every request's identity.

        The mode is not among it: an answer that came in a batch is the answer to the same request sent live.
        """
        settings = {"sampling": self.sampling.model_dump(mode="json"), "extra_body": self.extra_body}
        thinking = self.thinking.model_dump(mode="json") if isinstance(self.thinking, TagPair) else self.thinking
        return where_given(settings, thinking=thinking, logprobs=self.logprobs)


class OpenAIScorerModel(ScorerSettings):
    """vLLM's server, or several: it must give log-probabilities of prompts (`prompt_logprobs`) and `/tokenize`."""

    backend: Literal["openai"]
    model: str = Field(min_length=1, description="As the servers call it.")
    base_url: ServerUrls
    api_key_env: str | None = Field(None, description="The environment variable that holds the key.")
    concurrency: int = Field(64, ge=1, description="Requests in flight, all servers together.")
    timeout: float = Field(600, gt=0, description="Seconds per request.")
    attempts: int = Field(5, ge=1, description="How often one request is tried before it counts as failed.")
    extra_body: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(
        {}, description="Further keys of the prompt's request, such as chat_template_kwargs."
    )


class OpenAIBackend(Backend[OpenAITeacher]):
    """One server or several. Their addresses and the rate of requests change no answer."""

    name = "openai"
    settings = OpenAITeacher
    scorer_settings = OpenAIScorerModel
    public_keys = ("context_length", "extra_body", "thinking")

    def open(self, settings: OpenAITeacher, resolve: Resolve) -> Teacher:
        from infogap.teachers.openai.openai_teacher import OpenAIServers

        return OpenAIServers(settings)

    def in_batches(self, settings: OpenAITeacher) -> bool:
        return settings.mode == "batch"

    def open_batches(self, settings: OpenAITeacher) -> BatchService:
        from infogap.teachers.openai.openai_batches import OpenAIBatches

        return OpenAIBatches(settings)

    def in_json(self, settings: OpenAITeacher, schema: dict[str, Any]) -> OpenAITeacher | None:
        """Set `response_format`; None where `extra_body` holds an output's form already, or sets that to null."""
        if any(_FORMS.fullmatch(key) for key in settings.extra_body):
            return None
        form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
        return settings.model_copy(update={"extra_body": settings.extra_body | {"response_format": form}})

    def open_scorer(self, settings: OpenAITeacher, resolve: Resolve) -> Scorer:
        from infogap.teachers.openai.openai_scoring import OpenAIScorer

        return OpenAIScorer(settings)

    def check_scorer(self, settings: OpenAITeacher, resolve: Resolve) -> None:
        """Score one short text. Raises InputError if the servers cannot, ExternalError if none answers."""
        from infogap.teachers.openai.openai_scoring import OpenAIScorer

        if isinstance(settings, OpenAITeacher) and settings.mode == "batch":
            raise InputError(
                "measure.gap.scorer: `teacher` answers in batches (`mode: batch`), which give no log-probabilities of "
                "prompts; name another model as the scorer"
            )
        OpenAIScorer(settings).check()

    def scorer_identity(self, settings: OpenAITeacher, resolve: Resolve) -> dict[str, Any]:
        body = {"extra_body": settings.extra_body} if settings.extra_body else {}
        return {"backend": self.name, "model": settings.model, **body}

    def price(self, settings: OpenAITeacher) -> Price | None:
        return settings.price

    def public(self, settings: OpenAITeacher, written: dict[str, Any]) -> dict[str, Any]:
        """Publish the values in `extra_body` that shape the answer, and only the names of other keys (`user`)."""
        public = super().public(settings, written)
        if body := public.get("extra_body"):
            public["extra_body"] = {key: value if _SHAPING.fullmatch(key) else _HIDDEN for key, value in body.items()}
        return public


BACKEND = OpenAIBackend()
