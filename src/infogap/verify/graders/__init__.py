"""The graders, one per verifier name: each module's `grade` takes an Item and gives its Grade."""

from __future__ import annotations

from importlib import import_module

from infogap.verify.grade import Grade, Item

# Graders that run other libraries on a model's text; they run in worker processes that can be killed.
BOUNDED = {"math": "infogap.verify.graders.math", "gym": "infogap.verify.graders.gym"}
# Graders that only compare strings.
PLAIN = {"choice": "infogap.verify.graders.choice", "exact": "infogap.verify.graders.exact"}
_MODULES = BOUNDED | PLAIN


def grade(item: Item) -> Grade:
    """Grade an item by its task's verifier."""
    graded: Grade = import_module(_MODULES[item.verifier]).grade(item)
    return graded
