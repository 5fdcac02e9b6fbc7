"""Values of a row by template, `{{ body }} {{ question }}`, rendered in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import UndefinedError

from infogap.errors import ExternalError
from infogap.rows.column_paths import as_text
from infogap.text.templates import TemplateSet

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


@cache
def _templates() -> TemplateSet:
    return TemplateSet(_Absent, _render_here, _printed)


def _render_here(asked: tuple[str, Mapping[str, Any]]) -> str:
    """Render in the worker process."""
    return _templates().render_here(*asked)


class TemplateFailedError(Exception):
    """Raised for a template that a row cannot fill; the message says why."""


def rendered(row: dict[str, Any], template: str) -> str:
    """Fill a template with a row's columns. Raises TemplateFailedError where it prints a missing one."""
    try:
        return _templates().render(template, {ROW: row} | {str(key): value for key, value in row.items()})
    except ExternalError:
        raise
    except Exception as error:  # the recipe's code may fail in other ways: it may divide by zero
        raise TemplateFailedError(str(error) or type(error).__name__) from error


def template_problem(template: str) -> str | None:
    """Say why a template cannot be rendered for any row; None where it can."""
    try:
        named = _templates().variables(template)
    except TemplateError as error:
        return f"not a valid template: {error.message}"
    return None if named else "the template names no column; write a constant, such as `family: AMC`, beside `from`"
