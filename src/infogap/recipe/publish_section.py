"""The recipe's section `publish`: where the dataset goes, as which version, and what it shows."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from infogap import plugins
from infogap.recipe.balance_section import HoldOut
from infogap.recipe.base import Model, OneOrMore, each_once, is_none, refuse, refuse_at
from infogap.recipe.preference_pairs import Preference
from infogap.recipe.recovery_words import Recovery


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


def version_problem(version: str) -> str | None:
    """Say why this is no version of a dataset; None if it is one."""
    if re.fullmatch(r"[0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(-[0-9A-Za-z.-]{1,60})?", version):
        return None
    return f"version '{version}' is not of the form 1.2.3"


def _semantic(version: str) -> str:
    if problem := version_problem(version):
        raise refuse(problem)
    return version


def repository_problem(repo: str) -> str | None:
    """Say why the Hub can have no repository of this name; None if it can."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo, re.ASCII):
        return f"repo '{repo}' is not of the form org/name"
    parts = repo.split("/")
    sound = all(re.fullmatch(r"\w|\w[\w.-]{0,94}\w", part, re.ASCII) for part in parts)
    if not sound or "--" in repo or ".." in repo or repo.endswith(".git"):
        return (
            f"repo '{repo}': each name has at most 96 letters, digits, '-', '_' and '.', begins and ends with a letter "
            "or digit, and has neither '--' nor '..' nor '.git' at its end"
        )
    return None


def _repository(repo: str) -> str:
    if problem := repository_problem(repo):
        raise refuse(problem)
    return repo


def holds_single_answers(config: str) -> str:
    """Say why a config cannot show traces that call tools."""
    return (
        f"`{config}` holds single answers, and imported traces that call tools have several turns; leave it out, or "
        "import these in a recipe of their own"
    )


ThinkingForm = Literal["inline", "field", "drop"]
ThinkingField = Literal["reasoning_content", "thinking"]


def _is_first(form: str) -> bool:
    return form in (get_args(ThinkingForm)[0], get_args(ThinkingField)[0])


class RepeatedRows(Model):
    """How many rows `rl` has."""

    repeat_to: int = Field(
        ge=1,
        le=1_000_000_000,
        description="Rows of each mix: its tasks are repeated in whole passes, then one partial pass in drawn order.",
    )


SINGLE_ANSWERS = ("preference", "steps", "recovery", "recovery_trace")
"""Configs that show a trace as one answer, or as pieces of one."""
OF_GOLD_ANSWERS = ("rl", "held_out")
"""Configs of tasks with their gold answers."""
OF_HELD_OUT = "held_out"
"""What a split is of that has the families which `balance.hold_out` keeps out of every mix."""

_SPLIT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")  # as `datasets` reads them in file names


def _kind_of_split(value: Any) -> str:
    if isinstance(value, str):
        return "held_out"
    return "families" if isinstance(value, dict | HoldOut) else "share"


SplitOf = Annotated[
    Annotated[float, Field(gt=0, le=1), Tag("share")]
    | Annotated[HoldOut, Tag("families")]
    | Annotated[Literal["held_out"], Tag("held_out")],
    Discriminator(_kind_of_split),
]


def _splits(splits: dict[str, Any]) -> dict[str, Any]:
    for name in splits:
        if not _SPLIT_NAME.fullmatch(name) or name.casefold() == "all":
            raise refuse(f"the name of a split has letters, digits and '_', and is not 'all'; found '{name}'")
    each_once([name.casefold() for name in splits])
    total = sum(Fraction(str(share)) for share in splits.values() if isinstance(share, float))
    if total != 1:
        raise refuse(f"the shares should add up to 1, held-out families aside; they add up to {float(total):g}")
    return splits


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
        exclude_if=is_none,
        description="The student's tokenizer: a folder, or org/name in the local cache. Its chat template is tried on "
        "the mix, and what it would drop is reported.",
    )
    preference: Preference | None = Field(
        None, exclude_if=is_none, description="How the pairs of `preference` are made, if not in the default way."
    )
    recovery: Recovery | None = Field(
        None, exclude_if=is_none, description="What is said between a wrong attempt and the corrected one."
    )
    splits: Annotated[dict[str, SplitOf], Field(min_length=2), AfterValidator(_splits)] | None = Field(
        None,
        exclude_if=is_none,
        description="Splits that share no task: {train: 0.9, test: 0.1}. In place of a share, families that are in no "
        "other split, {families: 2}; or those of balance.hold_out: held_out. By default all rows are in `train`.",
    )
    rl: RepeatedRows | None = Field(None, exclude_if=is_none, description="How many rows `rl` has.")

    @model_validator(mode="after")
    def _settings_are_used(self) -> Self:
        for name in ("preference", "rl"):
            if getattr(self, name) is not None and name not in self.configs:
                raise refuse_at((name,), f"`{name}` is not published; add it to publish.configs, or leave this out")
        if self.recovery is not None:
            self._words_are_used(self.recovery)
        if self.thinking == "drop" and "recovery_trace" in self.configs:
            message = (
                "`recovery_trace` is made of thoughts, which `thinking: drop` leaves out; publish `recovery` instead"
            )
            raise refuse_at(("configs",), message)
        if self.splits is not None and self.rl is not None:
            message = "`rl` repeats tasks to files of equal size, which `splits` would divide; leave one of them out"
            raise refuse_at(("splits",), message)
        if self.thinking_field != "reasoning_content" and self.thinking != "field":
            raise refuse_at(("thinking_field",), "it names the field of `thinking: field`; set that, or leave this out")
        return self

    def _words_are_used(self, words: Recovery) -> None:
        said_in = {"verdict": "recovery", "doubt": "recovery_trace"}
        if not {*said_in.values()} & {*self.configs}:
            message = "`recovery` is not published; add it to publish.configs, or leave this out"
            raise refuse_at(("recovery",), message)
        for key, config in said_in.items():
            if key in words.model_fields_set and config not in self.configs:
                message = f"it is said in `{config}`, which is not published; add that, or leave this out"
                raise refuse_at(("recovery", key), message)
