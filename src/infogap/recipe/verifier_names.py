"""The verifiers that a recipe can name, and what each of them takes: the recipe's keys beside it depend on that."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, GetJsonSchemaHandler
from pydantic_core import CoreSchema

from infogap import plugins
from infogap.errors import nearest
from infogap.recipe.base import refuse
from infogap.recipe.recipe_errors import show

DEFAULT_VERIFIER = "math"
GYM_VERIFIER = "gym"  # of reasoning-gym's tasks, and of no others
_FUNCTION = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"


def file_verifiers() -> list[str]:
    """Return the registered verifiers that tasks of a file can have, the default first."""
    others = [name for name in plugins.names("verifiers") if name not in (DEFAULT_VERIFIER, GYM_VERIFIER)]
    return [DEFAULT_VERIFIER, *others]


def _known_verifier(name: str) -> str:
    if name in file_verifiers() or (re.fullmatch(_FUNCTION, name) and ".py:" not in name):
        return name
    allowed = f"{', '.join(file_verifiers())}, or your own function as module:function"
    hint = " (no .py, and dots between packages)" if ":" in name else nearest(name, file_verifiers())
    raise refuse(f"found {show(name)}; allowed: {allowed}{hint}")


def gold_columns(name: str) -> tuple[str, ...]:
    return () if ":" in name else tuple(plugins.load("verifiers", name).gold_columns)


def names_failing_test(name: str) -> bool:
    """Whether a verifier names what is wrong with an answer, such as a failing test."""
    return ":" not in name and bool(plugins.load("verifiers", name).names_failing_test)


def instruction_for(name: str) -> str | None:
    """Return what prompts have to ask for under a verifier; None if the default instruction fits."""
    return None if ":" in name else plugins.load("verifiers", name).instruction


def takes_tolerance(name: str) -> bool:
    return ":" not in name and bool(plugins.load("verifiers", name).takes_tolerance)


def takes_equality(name: str) -> bool:
    return ":" not in name and bool(plugins.load("verifiers", name).takes_equality)


def takes_check(name: str) -> bool:
    return ":" not in name and bool(plugins.load("verifiers", name).takes_check)


def can_do_without_gold(name: str) -> bool:
    """Whether a registered verifier grades generated answers of tasks that have no gold answer."""
    return ":" not in name and not plugins.load("verifiers", name).needs_gold


def grades_alone(name: str) -> bool:
    """Whether a verifier grades a response without other traces or a model."""
    return ":" in name or bool(plugins.load("verifiers", name).grades_alone)


def equalities() -> list[str]:
    return [name for name in file_verifiers() if plugins.load("verifiers", name).is_equality]


def checks() -> list[str]:
    return [name for name in file_verifiers() if plugins.load("verifiers", name).needs_gold]


class _VerifierSchema:
    """Lists the registered verifiers in the JSON Schema, looked up when it is written."""

    def __get_pydantic_json_schema__(self, _core: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"enum": file_verifiers()}, {"type": "string", "pattern": f"^{_FUNCTION}$"}]}


VerifierName = Annotated[str, AfterValidator(_known_verifier), _VerifierSchema()]
