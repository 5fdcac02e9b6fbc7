"""Turn the recipe's `engine` into vLLM's configuration, and its errors into one line."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from infogap.errors import ExternalError, InputError
from infogap.spelling import nearest

_NETWORK = ("Connect", "Timeout", "Offline", "LocalEntryNotFound")


def engine_config(model: str, arguments: dict[str, Any]) -> Any:
    """Make vLLM's configuration of an engine for a model (a folder, or a name on the Hub).

    Raises InputError where an argument or the model is none, ExternalError where the Hub or a GPU is not reached.
    """
    from vllm.engine.arg_utils import AsyncEngineArgs

    known = {field.name for field in dataclasses.fields(AsyncEngineArgs)} - {"model"}
    for key in arguments:
        if key not in known:
            said = (
                "the model is the key `model` beside `engine`"
                if key == "model"
                else f"no engine argument of vLLM{nearest(key, known)}"
            )
            raise InputError(f"engine.{key}: {said}")
    try:
        return AsyncEngineArgs(model=model, **arguments).create_engine_config()
    except ValidationError as error:
        raise InputError(_said(error, arguments)) from None
    except Exception as error:
        message = f"{type(error).__name__}: {first_line(str(error))}"
        if any(word in type(cause).__name__ for cause in _causes(error) for word in _NETWORK):
            raise ExternalError(
                f"the model {model} is not on this machine, and the Hub is out of reach ({message})"
            ) from None
        if isinstance(error, RuntimeError):  # vLLM's word for a machine without a device that it can use
            raise ExternalError(f"vLLM cannot run here: {message}") from None
        raise InputError(f"vLLM cannot load the model {model} ({message})") from None


def _said(error: ValidationError, arguments: dict[str, Any]) -> str:
    """Say the first error about a key that the recipe gives, or else the first of all."""
    errors = error.errors(include_url=False, include_context=False)
    named = [line for line in errors if line["loc"] and line["loc"][0] in arguments]
    line = (named or errors)[0]
    message = first_line(line["msg"].removeprefix("Value error, "))
    if named:
        return f"engine.{line['loc'][0]}: {message}, not {line['input']!r}"
    inside = ".".join(str(part) for part in line["loc"])
    return f"engine: {inside + ': ' if inside else ''}{message}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def first_line(text: str) -> str:
    """Give the first line that is not empty."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")
