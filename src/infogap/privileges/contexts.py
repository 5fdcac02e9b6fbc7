"""Write contexts: from a task and a privilege to the prompt that the teacher reads.

Template sets are rendered in a sandbox, a recipe's own templates within limits besides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from infogap.errors import ExternalError, InputError, nearest
from infogap.ids import stable_id
from infogap.privileges.base import Attempt, Need, Note, Privilege, Task, UnmetNeedError, or_unmet, shown_gold
from infogap.privileges.decoys import Decoys
from infogap.privileges.template_sets import load_wording
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.text.templates import TemplateSet

OWN_VARIABLES = ("question", "answer", "solution", "family", "difficulty")
"""The variables that the template of a recipe's own privilege may use."""

_LONGEST_SHOWN = 200  # characters of a template in a message

# infogap's own words: trusted, but they get values, never Python objects.
_SANDBOX = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)


@dataclass(frozen=True)
class OwnTemplate(Privilege):
    """A privilege that a recipe defines: a template of a task's fields, with its richness and its needs."""

    name: str
    template: str
    richness: float = 0
    needs: tuple[Need, ...] = ()

    shows = "what the recipe's template says"

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {key: task[key] or "" for key in OWN_VARIABLES} | {"answer": shown_gold(task)}


def fill(template: str, **values: Any) -> str:
    """Render a template of infogap's own. Raises InputError if it uses an unknown variable."""
    try:
        return str(_compiled(template).render(**values))
    except Exception as error:
        raise _not_filled(template, values, error) from error


def fill_within_limits(template: str, **values: Any) -> str:
    """Render a recipe's or a package's template. Raises InputError if it fails, or takes too much time or memory."""
    try:
        return _templates().render(template, values)
    except ExternalError:
        raise
    except Exception as error:  # the recipe's code may fail in any way: it may divide by zero
        raise _not_filled(template, values, error) from error


def _not_filled(template: str, values: Mapping[str, Any], error: Exception) -> InputError:
    shown = template if len(template) <= _LONGEST_SHOWN else f"{template[:_LONGEST_SHOWN]}..."
    why = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"template {shown!r}: {why}; it may use {', '.join(values)}")


@cache
def _templates() -> TemplateSet:
    return TemplateSet(StrictUndefined, _render_here)


def _render_here(asked: tuple[str, Mapping[str, Any]]) -> str:
    """Render in the worker process."""
    return _templates().render_here(*asked)


def template_problem(template: str, needs: Collection[Need]) -> str | None:
    """Say why the template of a recipe's own privilege cannot be used; None if it can.

    Its syntax may be wrong, or it may use what no task has, or what tasks may lack and `needs` does not name.
    """
    try:
        named = sorted(_templates().variables(template))
    except TemplateError as error:
        return f"not a valid template: {error.message}"
    for name in named:
        if name not in OWN_VARIABLES:
            return f"unknown '{name}'{nearest(name, OWN_VARIABLES)}; allowed: {', '.join(OWN_VARIABLES)}"
    missing = [need for need in get_args(Need) if need in named and need not in needs]
    if missing:
        return f"the template shows the {' and the '.join(missing)}; add `needs: [{', '.join([*needs, *missing])}]`"
    return None


def note_prompt_problem(privilege: Privilege) -> str | None:
    """Say why the prompt that asks for a privilege's notes cannot be used; None if it can."""
    try:
        named = sorted(_templates().variables(privilege.note_prompt))
    except TemplateError as error:
        return f"not a valid template: {error.message}"
    allowed = privilege.note_variables
    for name in named:
        if name not in allowed:
            return f"unknown '{name}'{nearest(name, allowed)}; allowed: {', '.join(allowed)}"
    return None


def words_problem(privilege: Privilege, wording: str) -> str | None:
    """Say why a privilege has no words in a template set; None if it has."""
    if privilege.template is not None or privilege.is_unguided or privilege.worded_as in load_wording(wording).contexts:
        return None
    words_of = privilege.worded_as
    return f"privilege '{privilege.name}' has no `template`, and the wording '{wording}' has none for {words_of}"


@cache
def _compiled(template: str) -> Any:
    return _SANDBOX.from_string(template)


@dataclass(frozen=True)
class Context:
    """What a teacher sees besides the question; if nothing, `context_id` is None and the text empty."""

    context_id: str | None
    text: str
    notes: tuple[Note, ...] = ()  # that it shows


def student_prompt(question: str, instruction: str) -> str:
    """Return the prompt that the student will see, and that an unguided teacher sees."""
    return f"{question}\n\n{instruction}"


def teacher_prompt(question: str, context: str, instruction: str, wording: str) -> str:
    """Return the student's prompt with the context in it, in the template set's one frame."""
    return fill(load_wording(wording).frame, question=question, context=context, instruction=instruction)


def reference_prompt(context: str, instruction: str, wording: str) -> str:
    """Return the teacher's prompt without the question (`reference_only`).

    Scoring a trace under it shows what the context alone makes likely. No trace is sampled under it.
    """
    return teacher_prompt("", context, instruction, wording).removeprefix("\n\n")


class ContextWriter:
    """Writes the contexts of one recipe's privileges."""

    def __init__(self, wording: str, decoys: Decoys) -> None:
        self._wording = load_wording(wording)
        self._decoys = decoys

    def write(
        self, task: Task, use: PrivilegeUse, attempts: Sequence[Attempt] = (), lessons: Sequence[Note] = ()
    ) -> Context:
        """Write the context of a task (a row of the tasks table) under a privilege.

        `attempts` are for a privilege that shows any: for `verifier` the wrong ones, oldest first; for `peers` a right
        one and perhaps a wrong one; for `critique` a wrong one with its critique; for the others a right one. `lessons`
        are the notes that `lessons` shows.

        Raises UnmetNeedError if the task lacks what the privilege needs.
        """
        attempts = [attempt for attempt in attempts if attempt.response.strip()]
        reason = unmet_need(task, use, {"right" if attempt.right else "wrong" for attempt in attempts})
        if reason:
            raise UnmetNeedError(reason)
        if use.is_unguided:
            return Context(None, "")
        text = self._text(task, use, attempts, lessons)
        critiques = [attempt.critique for attempt in attempts if attempt.critique is not None]
        return Context(stable_id(task["task_id"], use.label, text), text, (*critiques, *lessons))

    def _text(self, task: Task, use: PrivilegeUse, attempts: Sequence[Attempt], lessons: Sequence[Note]) -> str:
        privilege: Privilege = use.privilege
        values = privilege.write(task, attempts, self._decoys)
        if use.notes == "lesson":
            values = {**values, "notes": [note.text for note in lessons]}
        if privilege.template is None:
            return fill(self._template(privilege), **values)
        try:
            text = fill_within_limits(privilege.template, **values).strip()
        except InputError as error:
            raise InputError(f"privilege '{use.label}': {error}") from error
        return or_unmet(text, "the template gives no text")

    def _template(self, privilege: Privilege) -> str:
        """Return the template set's words for a privilege that has no template of its own."""
        problem = words_problem(privilege, self._wording.name)
        if problem:
            raise InputError(problem)
        return self._wording.contexts[privilege.worded_as]


def unmet_need(task: Task, use: PrivilegeUse, attempts: Collection[str]) -> str | None:
    """Say what a task lacks for a privilege; None if nothing. `attempts` are the kinds there are, right or wrong."""
    for need in use.needs:
        if not task[need]:
            return f"no {need}"
    if reason := use.privilege.lacks(task):
        return str(reason)
    if use.attempts not in attempts and use.privilege.needs_attempt(task):
        return f"no {use.attempts} attempt under {use.source}"
    return None
