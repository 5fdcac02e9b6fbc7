"""Columns combined by a template, `{{ body }} {{ question }}`, rendered in a sandbox."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.exceptions import UndefinedError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from infogap.rows.column_paths import MISSING, as_text, reach

_TEMPLATE = re.compile(r"\{\{|\{%")
ROW = "row"
"""The whole row's name in a template, for columns that are not Jinja names: `row["Correct Answer"]`."""


class _Absent(StrictUndefined):
    """A column that a row lacks: a template may test for it, but not print it."""

    def __bool__(self) -> bool:  # type: ignore[override]  # the base raises
        return False


def _printed(value: Any) -> Any:
    """Format a value for output: numbers as people write them, never `None`."""
    if value is None:
        raise UndefinedError("it prints a column that is null")
    return value if isinstance(value, str | _Absent) else as_text(value) or ""


# Templates come from whoever wrote the recipe: they get values, never Python objects.
_SANDBOX = ImmutableSandboxedEnvironment(undefined=_Absent, autoescape=False, finalize=_printed)


@cache
def is_template(column: str) -> bool:
    """Whether a mapped column is a template rather than a path."""
    return _TEMPLATE.search(column) is not None


def value_of(row: dict[str, Any], column: str) -> Any:
    """Return the value of a mapped column, a path or a template; MISSING where a row has none."""
    if not is_template(column):
        return reach(row, column)
    try:
        return rendered(row, column)
    except TemplateFailedError:
        return MISSING


class TemplateFailedError(Exception):
    """A template that a row cannot fill; the message says why."""


def rendered(row: dict[str, Any], template: str) -> str:
    """Fill a template with a row's columns. Raises TemplateFailedError where it prints a missing one."""
    try:
        return _compiled(template).render({ROW: row} | {str(key): value for key, value in row.items()})
    except Exception as error:  # it is the recipe's code: besides what is missing it may divide by zero
        raise TemplateFailedError(str(error) or type(error).__name__) from error


def template_problem(template: str) -> str | None:
    """Say why a template cannot be rendered for any row; None where it can."""
    try:
        named = find_undeclared_variables(_SANDBOX.parse(template))
        _compiled(template)
    except TemplateError as error:
        return f"not a valid template: {error.message}"
    return None if named else "the template names no column"


@cache
def _compiled(template: str) -> Template:
    return _SANDBOX.from_string(template)
