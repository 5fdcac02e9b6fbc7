"""The sections `balance` and `publish` of a recipe."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from infogap import plugins
from infogap.recipe.base import Model, each_once, refuse
from infogap.recipe.shares import BandShares, Shares, VerdictShares
from infogap.recipe.sources import OneOrMore


class Balance(Model):
    """The mix: how many traces, and in which shares. An axis that is not named is left as it comes."""

    size: int | None = Field(None, ge=1, description="Traces in the mix; by default as many as the shares allow.")
    leak: Literal["keep", "drop"] = Field("drop", description="Traces that show what only the teacher saw.")
    verdict: VerdictShares | None = Field(
        None, description="By default correct traces alone, and those of tasks without a gold answer."
    )
    band: BandShares | None = None
    family: Shares | None = None
    privilege: Shares | None = None
    where: str | None = Field(
        None,
        exclude_if=lambda where: where is None,
        description="An SQL condition over the columns of traces and measures: `words < 2000 AND longest_copy < 6`. "
        "Traces for which it is false or null are excluded.",
    )
    max_per_task: int | None = Field(None, ge=1, description="Traces of one task, at most.")
    when_short: Literal["error", "shrink", "best_effort"] = Field(
        "error",
        description="With too few traces for the targets: stop, keep the shares and shrink the size, "
        "or keep the size and come as close to the shares as can be.",
    )

    @property
    def axes(self) -> dict[str, dict[str, float] | Literal["uniform"]]:
        """The axes that the recipe names, in a fixed order, with their shares."""
        named = {axis: getattr(self, axis) for axis in ("band", "verdict", "family", "privilege")}
        return {axis: shares for axis, shares in named.items() if shares is not None}

    @model_validator(mode="after")
    def _size_is_known(self) -> Self:
        if self.size is None and self.when_short == "best_effort":
            raise refuse("`when_short: best_effort` needs a `size` to come close to")
        return self


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
