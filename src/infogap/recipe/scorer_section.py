"""Which model scores traces, as a recipe says it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, TypeAdapter

from infogap.recipe.base import Model
from infogap.recipe.teacher_section import (
    PACKAGED_MODEL,
    EmbeddedTeacher,
    OpenAITeacher,
    ServerUrls,
    Teacher,
    VllmTeacher,
    as_json,
)

THE_TEACHER = "teacher"


class EmbeddedScorerModel(Model):
    """A GGUF model in this process."""

    backend: Literal["embedded"]
    model: str = Field(PACKAGED_MODEL, min_length=1, description=f"{PACKAGED_MODEL}, or a path to a .gguf file.")
    context_length: int = Field(4096, ge=256, description="Tokens of prompt and trace together.")
    threads: int | None = Field(None, ge=1, description="Texts scored at a time; by default one per core.")


class VllmScorerModel(Model):
    """A model on this machine, by vLLM's offline engine."""

    backend: Literal["vllm"]
    model: str = Field(min_length=1, description="A model of the Hub, or a folder.")
    engine: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field({}, description="vLLM's engine arguments.")
    chat_template_kwargs: Annotated[dict[str, Any], BeforeValidator(as_json)] = Field(
        {}, description="What the model's chat template takes, such as enable_thinking."
    )


class OpenAIScorerModel(Model):
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


ScorerModel = Annotated[EmbeddedScorerModel | VllmScorerModel | OpenAIScorerModel, Discriminator("backend")]


def _entry_kind(value: Any) -> str:
    return "a name" if isinstance(value, str) else "a mapping"


ScorerEntry = Annotated[
    Annotated[str, Field(min_length=1), Tag("a name")] | Annotated[ScorerModel, Tag("a mapping")],
    Discriminator(_entry_kind),
]


def scorer_settings(
    entry: str | EmbeddedScorerModel | VllmScorerModel | OpenAIScorerModel, teacher: Teacher | None
) -> Teacher:
    """An entry of the recipe as the settings of a model that could also be a teacher.

    A name is a model's: SmolLM2-135M-Instruct and `.gguf` files are scored in this process, all others by vLLM.
    """
    if entry == THE_TEACHER:
        assert teacher is not None, "checked with the recipe"
        return teacher
    if isinstance(entry, str):
        if entry == PACKAGED_MODEL or entry.endswith(".gguf"):
            return EmbeddedTeacher(backend="embedded", model=entry)
        return VllmTeacher(backend="vllm", model=entry)
    settings: EmbeddedTeacher | VllmTeacher | OpenAITeacher = TypeAdapter[Any](Teacher).validate_python(
        entry.model_dump(exclude_unset=True)
    )
    return settings
