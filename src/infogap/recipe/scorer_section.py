"""The recipe's `measure.gap.scorer`: the model that scores traces."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from infogap import plugins
from infogap.recipe.base import Model
from infogap.recipe.teacher_section import PACKAGED_MODEL, AnyTeacher, BackendSection

THE_TEACHER = "teacher"


class ScorerSettings(Model):
    """The base of what a recipe says of a backend's model that scores: keys of the backend's settings, or some."""

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
    """Convert an entry of the recipe to settings of its backend, as a teacher has them.

    A name is a model's: SmolLM2-135M-Instruct and `.gguf` files are scored in this process, all others by vLLM.
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
