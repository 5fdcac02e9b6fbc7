"""The recipe's section `publish`: where the dataset goes, as which version, and what it shows."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from infogap import plugins
from infogap.recipe.base import Model, each_once, refuse, refuse_at
from infogap.recipe.preference_pairs import Preference
from infogap.recipe.sources import OneOrMore


class _RegisteredConfig:
    """Accept the names of registered configs; the JSON schema lists the built-in ones."""

    @classmethod
    def check(cls, name: object) -> object:
        registered = plugins.names("configs")
        if name not in registered:
            expected = ", ".join(f"'{each}'" for each in registered)
            raise PydanticCustomError("literal_error", "not a registered config", {"expected": expected})
        return name

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        own = [name for name in plugins.names("configs") if plugins.provider("configs", name)[0] == "infogap"]
        return {"enum": own, "type": "string"}


ConfigName = Annotated[str, BeforeValidator(_RegisteredConfig.check), _RegisteredConfig]


def _semantic(version: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", version):
        raise refuse(f"version '{version}' is not of the form 1.2.3")
    return version


def _repository(repo: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise refuse(f"repo '{repo}' is not of the form org/name")
    return repo


def _absent(value: Any) -> bool:
    return value is None


ThinkingForm = Literal["inline", "field", "drop"]
ThinkingField = Literal["reasoning_content", "thinking"]


def _is_first(form: str) -> bool:
    return form in (get_args(ThinkingForm)[0], get_args(ThinkingField)[0])


class RepeatedRows(Model):
    """How many rows `rl` has."""

    repeat_to: int = Field(
        ge=1,
        description="Rows of each mix: its tasks are repeated in whole passes, and a last partial one in drawn order.",
    )


class Publish(Model):
    """Where the dataset goes, as which version, and what it shows."""

    repo: Annotated[str, AfterValidator(_repository)] | None = Field(
        None, description="The Hub repository, org/name; pushed to with --push only."
    )
    version: Annotated[str, AfterValidator(_semantic)] = Field(
        "0.1.0", description="A semantic version; the tag on the Hub is v + this."
    )
    license: str = Field("apache-2.0", description="An SPDX id in the Hub's spelling.")
    language: OneOrMore = Field(["en"], description="ISO 639-1 codes.")
    private: bool = False
    configs: Annotated[list[ConfigName], AfterValidator(each_once)] = Field(
        ["sft", "traces"],
        min_length=1,
        description="Views of the dataset, the first the default. `privileged` publishes what teachers were shown.",
    )
    thinking: ThinkingForm = Field(
        "inline",
        exclude_if=_is_first,
        description="Where thoughts are in messages. inline: in <think> before the answer; field: in a field of their "
        "own; drop: nowhere.",
    )
    thinking_field: ThinkingField = Field(
        "reasoning_content",
        exclude_if=_is_first,
        description="The name of that field, as the student's chat template reads it: reasoning_content (Qwen and most "
        "others) or thinking (gpt-oss).",
    )
    tokenizer: str | None = Field(
        None,
        exclude_if=_absent,
        description="The student's tokenizer: a folder, or org/name in the local cache. Its chat template is tried on "
        "the mix, and what it would drop is reported.",
    )
    preference: Preference | None = Field(
        None, exclude_if=_absent, description="How the pairs of `preference` are made, where not as by default."
    )
    rl: RepeatedRows | None = Field(None, exclude_if=_absent, description="How many rows `rl` has.")

    @model_validator(mode="after")
    def _settings_are_used(self) -> Self:
        for name in ("preference", "rl"):
            if getattr(self, name) is not None and name not in self.configs:
                raise refuse_at((name,), f"`{name}` is not published; add it to publish.configs, or leave this out")
        if self.thinking_field != "reasoning_content" and self.thinking != "field":
            raise refuse_at(("thinking_field",), "it names the field of `thinking: field`; set that, or leave this out")
        return self
