"""The graders, one per verifier name: each module's `grade` takes an Item and gives its Grade."""

from __future__ import annotations

from importlib import import_module

from infogap.verify.custom_verifier import is_function
from infogap.verify.grading_types import Grade, Item

_PACKAGE = "infogap.verify.verifiers"
# Graders that run another library, or a task's pattern, on a model's text: in worker processes that can be killed.
BOUNDED = {name: f"{_PACKAGE}.{name}" for name in ("math", "gym", "regex")}
# Graders that only compare strings and numbers.
PLAIN = {name: f"{_PACKAGE}.{name}" for name in ("choice", "exact", "numeric")}
_FUNCTION = f"{_PACKAGE}.function"


def is_known(verifier: str) -> bool:
    """Whether there is such a verifier; of a function only its name is looked at."""
    return verifier in BOUNDED or verifier in PLAIN or is_function(verifier)


def needs_worker(verifier: str) -> bool:
    """Whether its answers may only be graded where the grader can be killed."""
    return verifier not in PLAIN


def grade(item: Item) -> Grade:
    """Grade an item by its task's verifier."""
    module = BOUNDED.get(item.verifier) or PLAIN.get(item.verifier) or _FUNCTION
    graded: Grade = import_module(module).grade(item)
    return graded
