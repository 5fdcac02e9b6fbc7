"""The recipe's sections `teacher` and `teachers`: the settings that all backends share, and the tags of thoughts.

Each backend has a model of its own settings, which is loaded when a recipe names the backend.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    TypeAdapter,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from infogap import plugins
from infogap.errors import InputError
from infogap.recipe.base import Model, is_none, refuse, refuse_at


class TagPair(Model):
    """The tags around a model's thoughts, if they are not among the known ones."""

    open: str = Field(min_length=1, description="What begins a thought, such as `<ponder>`.")
    close: str = Field(min_length=1, description="What ends it, such as `</ponder>`.")

    @model_validator(mode="after")
    def _tell_apart(self) -> Self:
        if not self.open.strip() or not self.close.strip():
            raise refuse("`open` and `close` must be more than white space")
        if self.open == self.close:
            raise refuse("`open` and `close` must differ, or the end of a thought looks like the beginning of one")
        return self

    @property
    def as_pair(self) -> tuple[str, str]:
        """Opening and closing tag."""
        return self.open.strip(), self.close.strip()


def _kind(value: Any) -> str:
    return "pair" if isinstance(value, dict | TagPair) else "opened"


Thinking = Annotated[
    Annotated[Literal["opened"], Tag("opened")] | Annotated[TagPair, Tag("pair")],
    Discriminator(_kind),
]
"""`opened`, or a pair of tags."""


def pair_of(thinking: Literal["opened"] | TagPair | None) -> tuple[str, str] | None:
    """Return the tags that a recipe names, if it names any."""
    return thinking.as_pair if isinstance(thinking, TagPair) else None


PACKAGED_MODEL = "SmolLM2-135M-Instruct"  # of the embedded backend; downloaded if it is named and not installed


def as_json(value: Any) -> Any:
    """Convert a value as JSON does in a request's body: keys such as 50256 become text."""
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


Logprobs = Annotated[
    int | None,
    Field(
        ge=1,
        le=20,
        description="Record each token's log-probability, and the entropy over this many most likely tokens (all "
        "others count as one more).",
    ),
]


class AnyTeacher(Model):
    """The settings that every backend has. Stored recipes hold their keys in the backend's order."""

    backend: str
    model: str
    if TYPE_CHECKING:  # fields of each backend's settings, at a place of their own
        sampling: Sampling
        logprobs: Logprobs

    @property
    def answer_settings(self) -> dict[str, Any]:
        """The settings that determine an answer besides model and prompt: part of every request's identity."""
        raise NotImplementedError


class TeacherSettings(AnyTeacher):
    """The base of a new backend's settings: add keys, and override `answer_settings` if some do not affect answers."""

    backend: str
    model: str = Field(min_length=1)
    sampling: Sampling = Sampling()
    logprobs: Logprobs = None

    @property
    def answer_settings(self) -> dict[str, Any]:
        """Every key but `backend` and `model`."""
        return self.model_dump(mode="json", exclude={"backend", "model"}, exclude_none=True)


def where_given(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Add those of `more` that the recipe sets: a new key leaves the identity of older requests as it is."""
    return settings | {name: value for name, value in more.items() if value is not None}


class Price(Model):
    """The price of a million tokens, in the currency of the recipe's author."""

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    batch: float | None = Field(
        None,
        gt=0,
        le=1,
        exclude_if=is_none,
        description="The share of these prices that a batch costs (`mode: batch`), such as 0.5.",
    )

    @property
    def in_batches(self) -> Price:
        """The price of tokens in a batch; the full price if the recipe states no share."""
        share = 1.0 if self.batch is None else self.batch
        return Price(prompt=self.prompt * share, completion=self.completion * share)

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Compute the cost of a number of tokens."""
        return round((prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6, 6)


class BackendSection:
    """Marks a section of the recipe that is validated by the backend that its key `backend` names.

    Backends are found by their entry points when a recipe is read, so that this package imports none of them.
    """

    def __init__(self, model_of: Callable[[Any], type[Model] | None], first: tuple[str, ...]) -> None:
        """Set how a backend's model of the section is read, and which names messages list `first`."""
        self._model_of = model_of
        self._first = first

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._validated, core_schema.any_schema())

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the JSON schema of infogap's own backends, so that it does not depend on what is installed."""
        ours = [name for name in self._names() if plugins.provider("backends", name)[0] == "infogap"]
        models = {name: model for name in ours if (model := self._model(name)) is not None}
        choices = {name: TypeAdapter(model).core_schema for name, model in models.items()}
        return handler(core_schema.tagged_union_schema(choices, "backend"))

    def _validated(self, value: Any) -> Any:
        if isinstance(value, Model):
            return value
        if not isinstance(value, dict):
            raise PydanticKnownError("model_attributes_type")
        if "backend" not in value:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": "'backend'"})
        name = value["backend"]
        model = self._model(name) if isinstance(name, str) and name in self._names() else None
        if model is None:
            allowed = ", ".join(f"'{each}'" for each in self._names() if self._model(each) is not None)
            context = {"discriminator": "'backend'", "tag": str(name), "expected_tags": allowed}
            raise PydanticKnownError("union_tag_invalid", context)
        return model.model_validate(value)

    def _names(self) -> list[str]:
        names = plugins.names("backends")
        return [*(name for name in self._first if name in names), *(name for name in names if name not in self._first)]

    def _model(self, name: str) -> type[Model] | None:
        try:
            return self._model_of(plugins.load("backends", name))
        except InputError as error:  # another package that cannot be imported
            raise refuse_at(("backend",), str(error)) from error


def _settings_of(backend: Any) -> type[Model] | None:
    settings: type[Model] | None = backend.settings
    return settings


Teacher = Annotated[AnyTeacher, BackendSection(_settings_of, first=("embedded", "openai", "vllm", "ray"))]


_TEACHER_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)


def _readable_name(name: str) -> str:
    if not _TEACHER_NAME.fullmatch(name):
        raise refuse(f"'{name}' cannot name a teacher; use letters, digits, '.', '_' and '-', or ORG/NAME as models do")
    return name


TeacherName = Annotated[str, AfterValidator(_readable_name)]
"""The name of one of several teachers in its traces. It is published, so it may be a model's name, but not a path."""
