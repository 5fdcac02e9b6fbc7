"""The graders, one per verifier name: each module's `grade` takes an Item and gives its Grade."""

from __future__ import annotations

from importlib import import_module

from infogap.verify.grade import Grade, Item

_PACKAGE = "infogap.verify.graders"
# Graders that run another library, or a task's pattern, on a model's text: in worker processes that can be killed.
BOUNDED = {name: f"{_PACKAGE}.{name}" for name in ("math", "gym", "regex")}
# Graders that only compare strings and numbers.
PLAIN = {name: f"{_PACKAGE}.{name}" for name in ("choice", "exact", "numeric")}
_MODULES = BOUNDED | PLAIN


def grade(item: Item) -> Grade:
    """Grade an item by its task's verifier."""
    graded: Grade = import_module(_MODULES[item.verifier]).grade(item)
    return graded
