"""The base class of a recipe's sections: strict types, and unknown keys reported with the allowed ones."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

Name = TypeVar("Name", bound=str)


class Model(BaseModel):
    """A mapping in the recipe. Types are strict: `samples: "4"` is an error, not 4."""

    # An infinite number would be written to JSON as null: sent to a server, it would mean that nothing was set.
    # A section's validator is built when it is first used: most are only used as a part of the recipe's.
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_default=True, allow_inf_nan=False, defer_build=True
    )

    @classmethod
    def allowed_keys(cls) -> list[str]:
        """Return the keys that a recipe may write here."""
        return [field.alias or name for name, field in cls.model_fields.items()]

    @classmethod
    def accepts(cls, _key: object, _value: object) -> bool:
        """Return whether a key outside `allowed_keys` may stand here with this value."""
        return False

    @model_validator(mode="wrap")
    @classmethod
    def _report_unknown_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Report unknown keys together with the section's other errors, naming the allowed keys."""
        if not isinstance(data, dict):
            return handler(data)
        allowed = cls.allowed_keys()
        # A dict rather than a set: problems keep the order of the keys.
        unknown = dict.fromkeys(key for key in data if key not in allowed and not cls.accepts(key, data[key]))
        errors: list[InitErrorDetails] = [
            {
                "type": PydanticCustomError("unknown_key", "unknown key", {"allowed": allowed}),
                "loc": (key if isinstance(key, str | int) else str(key),),
                "input": key,
            }
            for key in unknown
        ]
        try:
            section = handler({key: value for key, value in data.items() if key not in unknown})
        except ValidationError as error:
            if not errors:
                raise
            errors += [_detail(line) for line in error.errors()]
            raise ValidationError.from_exception_data(cls.__name__, errors) from None
        if errors:
            raise ValidationError.from_exception_data(cls.__name__, errors)
        return section


def _detail(line: Any) -> InitErrorDetails:
    """Convert an error line to a form that pydantic can raise again, its message and context kept."""
    context = {key: value for key, value in line.get("ctx", {}).items() if key != "error"}
    return {
        "type": PydanticCustomError(line["type"], line["msg"], context or None),
        "loc": line["loc"],
        "input": line["input"],
    }


def refuse(message: str) -> PydanticCustomError:
    """Return an error whose message is already written for the user."""
    return PydanticCustomError("refused", message)


def refuse_at(place: tuple[str | int, ...], message: str) -> ValidationError:
    """Return such an error for a place within the section, so that its line is named rather than the section's."""
    return ValidationError.from_exception_data("", [{"type": refuse(message), "loc": place, "input": None}])


def each_once(names: list[Name]) -> list[Name]:
    """Return a list of names unchanged; refuse one that holds a name twice."""
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise refuse(f"'{twice[0]}' is named twice")
    return names


def as_list(value: Any) -> Any:
    """Return a single text as a list of one, and any other value unchanged."""
    return [value] if isinstance(value, str) else value


OneOrMore = Annotated[
    list[str],
    BeforeValidator(as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


def is_none(value: Any) -> bool:
    """Return whether a value is None; as `exclude_if`, it keeps new keys out of the fingerprints of older recipes."""
    return value is None
