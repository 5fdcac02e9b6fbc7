"""The verifiers: one module each, registered as entry points of the group `infogap.verifiers`.

`verify/base.py` says what a verifier is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from infogap import plugins
from infogap.errors import InputError
from infogap.recipe.verifier_names import DEFAULT_VERIFIER
from infogap.user_objects import is_user_object
from infogap.verify.base import Grade, Item, Verifier
from infogap.verify.custom_verifier import CustomVerifier


def is_known(name: str) -> bool:
    """Whether there is such a verifier; a function is not looked up, only its name is checked."""
    return is_user_object(name) or name in plugins.names("verifiers")


def verifier(name: str) -> Verifier:
    """Return the verifier that is registered under a name, or that calls the function of a name `module:function`.

    Raises InputError where there is none, or where it cannot be loaded.
    """
    if is_user_object(name):
        return CustomVerifier(name)
    loaded = plugins.load("verifiers", name)
    if not isinstance(loaded, Verifier):
        package, _ = plugins.provider("verifiers", name)
        raise InputError(
            f"the verifier '{name}' of {package} is not an instance of infogap.verify.Verifier: {loaded!r:.80}"
        )
    return loaded


def gold_verifier(task: Mapping[str, Any]) -> str:
    """Return the verifier that reads a task's gold answer, which may be another than the one that grades it.

    `task` has the column `verifier`, and `metadata` if it is known.
    """
    name: str = task["verifier"]
    if is_user_object(name) or not is_known(name):
        return name
    grader = verifier(name)
    if not grader.takes_equality and not grader.takes_check:
        return name
    settings = orjson.loads(task.get("metadata") or "{}")
    other: str | None = settings.get("equality") or settings.get("check_with")
    return other or (DEFAULT_VERIFIER if grader.takes_equality else name)


def grade(item: Item) -> Grade:
    """Grade an item by its task's verifier."""
    return verifier(item.verifier).grade(item)


def provider_versions(names: set[str]) -> dict[str, list[str]]:
    """Return the package and version of each verifier that is not infogap's own: its verdicts may change with them."""
    registered = {name: plugins.provider("verifiers", name) for name in sorted(names) if not is_user_object(name)}
    return {name: list(provider) for name, provider in registered.items() if provider[0] != "infogap"}
