"""Named mappings: the columns of well-known file formats, each in a YAML file that an entry point registers.

The group is `infogap.formats`, the value `package:file.yaml`; infogap's own files are in `rows/formats`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from infogap import plugins
from infogap.errors import InputError, nearest
from infogap.recipe.base import Model, refuse_at

_TEXTS = ("trace", "response", "reasoning")  # a recipe that maps one of them says where the whole trace is


class Signs(Model):
    """The signs by which files of a format are recognised: all of them must be present."""

    columns: list[str] = Field([], description="Column paths that its rows have.")
    values: dict[str, str] = Field({}, description="By column path: a regular expression that its values match.")
    file: str | None = Field(None, description="A pattern that the file's name matches, whatever its case.")


class SecondFile(Model):
    """The file that holds the questions, if the rows themselves do not."""

    key: str = Field(description="The column by which both are joined.")
    columns: list[str] = Field(description="Other column paths by which the second file is recognised.")
    missing: str = Field(description="The message for a file without a second one.")


class Format(Model):
    """A named mapping: `mapping` holds what a recipe would write beside `from`."""

    about: str = Field(description="One line for `infogap formats`.")
    signs: Signs
    alternatives: str | None = Field(
        None, description="A column: rows that differ in it alone hold the same samples; a recipe chooses one value."
    )
    mapping: dict[str, Any]
    second_file: SecondFile | None = None

    @property
    def has_traces(self) -> bool:
        """True if its files hold traces; others hold only tasks."""
        return any(name in self.mapping["columns"] for name in _TEXTS)


def format_names() -> tuple[str, ...]:
    """Return the names of the registered mappings, in alphabetical order."""
    return plugins.names("formats")


@cache
def load_format(name: str) -> Format:
    """Read a named mapping. Raises KeyError for a name that is not registered, InputError for a file with errors."""
    if name not in format_names():
        raise KeyError(name)
    text = plugins.resource("formats", name)
    try:
        return Format.model_validate(YAML(typ="safe").load(text))
    except (YAMLError, ValidationError) as error:
        package, _ = plugins.provider("formats", name)
        raise InputError(f"the format '{name}' of {package} has errors: {error}") from error


def filled_in(source: Any, fields: set[str], columns: set[str]) -> Any:
    """Complete a source, as the recipe writes it, with the mapping that its `format` names.

    The recipe's own keys take precedence. Only keys in `fields`, and mapped columns in `columns`, are taken: a source
    of tasks has no columns of traces. Raises the recipe's error for an unknown name.
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
