"""The words in which a context is put: template sets, and templates of a recipe's own, rendered in a sandbox."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, get_args

from jinja2 import StrictUndefined, TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment
from ruamel.yaml import YAML

from infogap.errors import InputError
from infogap.privileges.base import Attempt, Need, Privilege, Task
from infogap.spelling import nearest

if TYPE_CHECKING:
    from infogap.privileges.decoy_search import Decoys

OWN_VARIABLES = ("question", "answer", "solution", "family", "difficulty")
"""What the template of a recipe's own privilege may name."""

# A recipe's templates come from whoever wrote the recipe: they get values, never Python objects.
_SANDBOX = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)


@dataclass(frozen=True)
class Wording:
    """A template set: one frame for every prompt, and the context of each privilege."""

    name: str
    frame: str
    contexts: dict[str, str]


@dataclass(frozen=True)
class OwnTemplate(Privilege):
    """A privilege that a recipe defines: a template of a task's fields, with its richness and its needs."""

    name: str
    template: str
    richness: float = 0
    needs: tuple[Need, ...] = ()

    shows = "what the recipe's template says"

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {key: task[key] or "" for key in OWN_VARIABLES}


@cache
def load_wording(name: str) -> Wording:
    """A template set that ships with infogap."""
    text = (resources.files("infogap.privileges") / "wordings" / f"{name}.yaml").read_text(encoding="utf-8")
    return Wording(**YAML(typ="safe").load(text))


def fill(template: str, **values: Any) -> str:
    """Render a template. Raises InputError where it is broken or names what it is not given."""
    try:
        return str(_compiled(template).render(**values))
    except Exception as error:  # the template is the recipe's code: besides syntax it may divide by zero, loop for ever
        given = ", ".join(values)
        raise InputError(f"template {template!r}: {error}; it may use {given}") from error


def template_problem(template: str, needs: Collection[Need]) -> str | None:
    """Why the template of a recipe's own privilege cannot be used, or None.

    Its syntax is wrong, it names what no task has, or what a task may lack and `needs` does not ask for.
    """
    try:
        named = sorted(find_undeclared_variables(_SANDBOX.parse(template)))
    except TemplateError as error:
        return f"not a valid template: {error.message}"
    for name in named:
        if name not in OWN_VARIABLES:
            return f"unknown '{name}'{nearest(name, OWN_VARIABLES)}; allowed: {', '.join(OWN_VARIABLES)}"
    missing = [need for need in get_args(Need) if need in named and need not in needs]
    if missing:
        return f"the template shows the {' and the '.join(missing)}; add `needs: [{', '.join([*needs, *missing])}]`"
    return None


def words_problem(privilege: Privilege, wording: str) -> str | None:
    """Why a privilege has no words under a template set, or None."""
    if privilege.template is not None or privilege.is_unguided or privilege.worded_as in load_wording(wording).contexts:
        return None
    return f"privilege '{privilege.name}' has no `template`, and the wording '{wording}' none for {privilege.worded_as}"


@cache
def _compiled(template: str) -> Any:
    return _SANDBOX.from_string(template)
