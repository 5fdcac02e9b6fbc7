"""The recipe's section `measure`: lexicons, cut points, further measures, and how the gap is scored."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from infogap import plugins
from infogap.recipe.base import Model, each_once, is_none, refuse
from infogap.recipe.privilege_entries import ScoredContext
from infogap.recipe.teacher_section import PACKAGED_MODEL, AnyTeacher, BackendSection

THE_TEACHER = "teacher"


class ScorerSettings(Model):
    """The base of a scorer's settings: all keys of its backend's settings, or some of them."""

    backend: str
    model: str


def _scorer_settings_of(backend: Any) -> type[Model] | None:
    settings: type[Model] | None = backend.scorer_settings
    return settings


ScorerModel = Annotated[ScorerSettings, BackendSection(_scorer_settings_of, first=("embedded", "vllm", "openai"))]


def _entry_kind(value: Any) -> str:
    return "a name" if isinstance(value, str) else "a mapping"


ScorerEntry = Annotated[
    Annotated[str, Field(min_length=1), Tag("a name")] | Annotated[ScorerModel, Tag("a mapping")],
    Discriminator(_entry_kind),
]


def scorer_settings(entry: str | ScorerSettings, teacher: AnyTeacher | None) -> AnyTeacher:
    """Convert an entry of the recipe to its backend's settings, those of a teacher.

    A plain name is a model: SmolLM2-135M-Instruct and `.gguf` files score in this process, all others by vLLM.
    """
    if entry == THE_TEACHER:
        assert teacher is not None, "checked with the recipe"
        return teacher
    if isinstance(entry, str):
        in_process = entry == PACKAGED_MODEL or entry.endswith(".gguf")
        given: dict[str, Any] = {"backend": "embedded" if in_process else "vllm", "model": entry}
    else:
        given = entry.model_dump(exclude_unset=True)
    settings: AnyTeacher = plugins.load("backends", given["backend"]).settings.model_validate(given)
    return settings


class Bands(Model):
    """Cut points of the confidence bands, in markers per 1,000 tokens: below `mixed` is confident."""

    mixed: float = Field(2.0, gt=0, description="The density from which a trace is mixed.")
    uncertain: float = Field(8.0, gt=0, description="The density from which a trace is uncertain.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.mixed >= self.uncertain:
            raise refuse(f"`mixed` ({self.mixed:g}) must be below `uncertain` ({self.uncertain:g})")
        return self


class Gap(Model):
    """Which model scores the gap, under which further contexts, and what is kept of it."""

    scorer: ScorerEntry = Field(
        THE_TEACHER,
        description="teacher: the model that wrote the traces. Or a student: SmolLM2-135M-Instruct, a .gguf file, a "
        "model of the Hub or a folder (by vLLM), or a mapping with `backend`.",
    )
    contexts: Annotated[list[ScoredContext], AfterValidator(each_once)] = Field(
        [],
        description="Further contexts under which every trace is scored: that of a privilege or control, or "
        "reference_only, the trace's own context without the question.",
    )
    threshold: float = Field(
        1.0, gt=0, description="In nats: tokens with a gap above it count for `gap_share`. 1 nat is e times as likely."
    )
    per_token: bool = Field(False, description="Keep every token's gap and surprisal, in the table token_gaps.")


class Measure(Model):
    """Which lexicons and further measures are used, where the bands are cut, and what counts as a fork."""

    lexicons: Annotated[list[str], AfterValidator(each_once)] = Field(
        ["infogap", "kim2026"],
        min_length=1,
        description="infogap, kim2026, or a YAML file of your own; the first one gives the band.",
    )
    bands: Bands = Bands()
    fork_entropy: float = Field(
        0.672,
        gt=0,
        description="Entropy, in nats, from which a token counts as a fork; the default is the 80th percentile that "
        "Wang et al. 2025 (arXiv 2506.01939) report for Qwen3-8B. Needs `teacher.logprobs`.",
    )
    gap: Gap | None = Field(None, description="How traces are scored; by default they are not.")
    measures: Annotated[list[str], AfterValidator(each_once)] | None = Field(
        None,
        min_length=1,
        exclude_if=is_none,
        description="Further measures: the name of one that an installed package registers, or your own object as "
        "module:object, its module beside the recipe or installed.",
    )
