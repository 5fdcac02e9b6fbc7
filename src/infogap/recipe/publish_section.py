"""The recipe's section `publish`: where the dataset goes, as which version, and what it shows."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from infogap import plugins
from infogap.recipe.base import Model, each_once, is_none, refuse, refuse_at
from infogap.recipe.preference_pairs import Preference
from infogap.recipe.sources import OneOrMore


class _RegisteredConfig:
    """Accepts the names of registered configs; the JSON schema lists the built-in ones."""

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


SHARED_RUN = 20
"""Words in a row that two texts hardly share by chance."""


def _semantic(version: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?", version):
        raise refuse(f"version '{version}' is not of the form 1.2.3")
    return version


def _repository(repo: str) -> str:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo):
        raise refuse(f"repo '{repo}' is not of the form org/name")
    return repo


class RepeatedRows(Model):
    """How many rows `rl` has."""

    repeat_to: int = Field(
        ge=1,
        description="Rows of each mix: its tasks are repeated in whole passes, then one partial pass in drawn order.",
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
        description="Views of the dataset, the first the default. `privileged` publishes the teachers' contexts.",
    )
    leaking_text: bool = Field(
        False,
        exclude_if=lambda value: value is False,
        description="Publish the text of leaking traces in `traces`, as `balance.leak: keep` does, too.",
    )
    shared_run: Annotated[int, Field(ge=8, le=10_000)] | None = Field(
        SHARED_RUN,
        exclude_if=lambda value: value == SHARED_RUN,
        description="A text of any config but `privileged` with so many words in a row from a context, and not from a "
        "question, stops the publication; null compares nothing.",
    )
    preference: Preference | None = Field(
        None, exclude_if=is_none, description="How the pairs of `preference` are made, if not in the default way."
    )
    rl: RepeatedRows | None = Field(None, exclude_if=is_none, description="How many rows `rl` has.")

    @model_validator(mode="after")
    def _settings_are_used(self) -> Self:
        for name in ("preference", "rl"):
            if getattr(self, name) is not None and name not in self.configs:
                raise refuse_at((name,), f"`{name}` is not published; add it to publish.configs, or leave this out")
        return self
