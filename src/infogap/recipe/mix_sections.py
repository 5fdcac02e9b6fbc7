"""The sections `balance` and `publish` of a recipe, and the shares of a mix."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from infogap import plugins
from infogap.recipe.base import Model, each_once, refuse
from infogap.recipe.sources import OneOrMore

Share = Annotated[float, Field(ge=0, le=1)]

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _shares_add_up(shares: dict[str, float]) -> dict[str, float]:
    total = sum(shares.values())
    if abs(total - 1) > 1e-6:
        raise refuse(f"the shares add up to {total:g}; they must add up to 1")
    return shares


def _shares_kind(value: Any) -> str:
    return "shares" if isinstance(value, dict) else "uniform"


def _parts_of_one(*names: str) -> Callable[[Any], Any]:
    """Refuse shares such as 90/10 or 90 %, and say how to write them."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and (numbers := [float(number) for number in _NUMBER.findall(value)]):
            shares = dict(zip(names, numbers, strict=False)) if len(numbers) <= len(names) else {}
            raise refuse(f"shares are written value by value, as parts of 1: {_as_parts(shares)}; found '{value}'")
        if not isinstance(value, dict):
            return value
        for name, share in value.items():
            if isinstance(share, str) and _NUMBER.search(share):
                raise refuse(f"the share of {name} should be a number, a part of 1 such as 0.9; found '{share}'")
        numbers = [share for share in value.values() if isinstance(share, int | float) and not isinstance(share, bool)]
        if len(numbers) == len(value) and min(numbers, default=0) >= 0 and max(numbers, default=0) > 1:
            raise refuse(f"shares are parts of 1: write {_as_parts(value)}")
        return value

    return check


def _as_parts(shares: dict[str, float]) -> str:
    """Format shares as in a recipe: {correct: 90, wrong: 10} becomes {correct: 0.9, wrong: 0.1}."""
    total = sum(shares.values())
    parts = {name: share / total for name, share in shares.items()} if total else {"VALUE": 0.9, "OTHER": 0.1}
    return "{" + ", ".join(f"{name}: {share:.4g}" for name, share in parts.items()) + "}"


_UNIFORM = Annotated[Literal["uniform"], Tag("uniform")]
Shares = Annotated[
    _UNIFORM | Annotated[dict[str, Share], AfterValidator(_shares_add_up), Tag("shares")],
    Discriminator(_shares_kind),
    BeforeValidator(_parts_of_one()),
]
BandShares = Annotated[
    _UNIFORM
    | Annotated[dict[Literal["uncertain", "mixed", "confident"], Share], AfterValidator(_shares_add_up), Tag("shares")],
    Discriminator(_shares_kind),
    BeforeValidator(_parts_of_one("uncertain", "mixed", "confident")),
]
VerdictShares = Annotated[
    _UNIFORM
    | Annotated[
        dict[Literal["correct", "wrong", "no_answer", "truncated"], Share],
        AfterValidator(_shares_add_up),
        Tag("shares"),
    ],
    Discriminator(_shares_kind),
    BeforeValidator(_parts_of_one("correct", "wrong", "no_answer", "truncated")),
]


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
