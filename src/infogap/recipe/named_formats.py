"""Named mappings: what the columns of well-known files are, each in a YAML file of `rows/formats`."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from pydantic import Field
from ruamel.yaml import YAML

from infogap.recipe.base import Model, refuse_at
from infogap.spelling import nearest

_TEXTS = ("trace", "response", "reasoning")  # a recipe that maps one of them says where the whole trace is


class Signs(Model):
    """What a file of a format looks like: every sign has to be there."""

    columns: list[str] = Field([], description="Column paths that its rows have.")
    values: dict[str, str] = Field({}, description="By column path: a regular expression that is found in its values.")
    file: str | None = Field(None, description="A pattern that the file's name matches, whatever its case.")


class Format(Model):
    """A named mapping: `mapping` holds what a recipe would write beside `from`."""

    about: str
    signs: Signs
    alternatives: str | None = Field(
        None, description="A column: rows that differ in it alone hold the same samples; a recipe chooses one value."
    )
    mapping: dict[str, Any]

    @property
    def has_traces(self) -> bool:
        """Whether its files hold traces; others hold tasks alone."""
        return any(name in self.mapping["columns"] for name in _TEXTS)


@cache
def format_names() -> tuple[str, ...]:
    """The named mappings that ship with infogap, in alphabetical order."""
    files = (resources.files("infogap.rows") / "formats").iterdir()
    return tuple(sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml")))


@cache
def load_format(name: str) -> Format:
    """A named mapping. Raises KeyError for a name that there is not."""
    if name not in format_names():
        raise KeyError(name)
    text = (resources.files("infogap.rows") / "formats" / f"{name}.yaml").read_text(encoding="utf-8")
    return Format.model_validate(YAML(typ="safe").load(text))


def filled_in(source: Any, fields: set[str], columns: set[str]) -> Any:
    """A source as the recipe writes it, completed by the mapping that its `format` names.

    What the recipe says itself comes first. Taken are keys in `fields` alone, and of the mapped columns those in
    `columns`: a source of tasks has no traces. Raises the recipe's error for an unknown name.
    """
    if not isinstance(source, dict) or not isinstance(source.get("format"), str):
        return source
    name = source["format"]
    if name not in format_names():
        known = ", ".join(format_names())
        raise refuse_at(("format",), f"unknown format '{name}'{nearest(name, format_names())}; known: {known}")
    mapping = load_format(name).mapping
    own = source.get("columns") or {}
    if not isinstance(own, dict):
        return source
    given = {key: path for key, path in mapping["columns"].items() if key in columns}
    if any(own.get(key) is not None for key in _TEXTS):
        given = {key: path for key, path in given.items() if key not in _TEXTS}
    settings = {key: value for key, value in mapping.items() if key in fields}
    return settings | source | {"columns": given | own}
