"""Template sets: the words in which a context is put, rendered in a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from ruamel.yaml import YAML

from infogap.errors import UserError

# A recipe's templates come from whoever wrote the recipe: they get values, never Python objects.
_SANDBOX = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)


@dataclass(frozen=True)
class Wording:
    """A template set: one frame for every prompt, and the context of each privilege."""

    name: str
    frame: str
    contexts: dict[str, str]


@cache
def load_wording(name: str) -> Wording:
    """A template set that ships with infogap."""
    text = (resources.files("infogap.privilege") / "wordings" / f"{name}.yaml").read_text(encoding="utf-8")
    return Wording(**YAML(typ="safe").load(text))


def fill(template: str, **values: Any) -> str:
    """Render a template. Raises UserError where it is broken or names what it is not given."""
    try:
        return str(_compiled(template).render(**values))
    except TemplateError as error:
        given = ", ".join(values)
        raise UserError(f"template {template!r}: {error.message}; it may use {given}") from error


def template_error(template: str) -> str | None:
    """What is wrong with a template's syntax, or None."""
    try:
        _SANDBOX.parse(template)
    except TemplateError as error:
        return error.message
    return None


@cache
def _compiled(template: str) -> Any:
    return _SANDBOX.from_string(template)
