"""From a task and a privilege to what the teacher reads."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from infogap.errors import InputError
from infogap.ids import stable_id
from infogap.privileges.base import Attempt, Privilege, Task, UnmetNeedError, or_unmet
from infogap.privileges.decoy_search import Decoys
from infogap.privileges.templates import fill, load_wording, words_problem
from infogap.recipe.privilege_entries import PrivilegeUse


@dataclass(frozen=True)
class Context:
    """What a teacher sees besides the question; without anything, `context_id` is None and the text empty."""

    context_id: str | None
    text: str


def student_prompt(question: str, instruction: str) -> str:
    """What the student will see, and all that an unguided teacher sees."""
    return f"{question}\n\n{instruction}"


def teacher_prompt(question: str, context: str, instruction: str, wording: str) -> str:
    """The student's prompt with the context in between, by the template set's one frame."""
    return fill(load_wording(wording).frame, question=question, context=context, instruction=instruction)


def reference_prompt(context: str, instruction: str, wording: str) -> str:
    """The teacher's prompt with its question left out (`reference_only`).

    Scoring a trace under it tells what the context by itself makes likely. No trace is written under it.
    """
    return teacher_prompt("", context, instruction, wording).removeprefix("\n\n")


class ContextWriter:
    """Words the contexts of one recipe's privileges."""

    def __init__(self, wording: str, decoys: Decoys) -> None:
        self._wording = load_wording(wording)
        self._decoys = decoys

    def write(self, task: Task, use: PrivilegeUse, attempts: Sequence[Attempt] = ()) -> Context:
        """The context of a task (a row of the tasks table) under a privilege.

        `attempts` are for a privilege that shows any: for `verifier` the wrong ones, oldest first; for `peers` a right
        one and perhaps a wrong one; for the others a right one.

        Raises UnmetNeedError where the task lacks what the privilege needs.
        """
        attempts = [attempt for attempt in attempts if attempt.response.strip()]
        reason = unmet_need(task, use, {"right" if attempt.right else "wrong" for attempt in attempts})
        if reason:
            raise UnmetNeedError(reason)
        if use.is_unguided:
            return Context(None, "")
        text = self._text(task, use, attempts)
        return Context(stable_id(task["task_id"], use.label, text), text)

    def _text(self, task: Task, use: PrivilegeUse, attempts: Sequence[Attempt]) -> str:
        privilege: Privilege = use.privilege
        values = privilege.write(task, attempts, self._decoys)
        if privilege.template is None:
            return fill(self._template(privilege), **values)
        try:
            text = fill(privilege.template, **values).strip()
        except InputError as error:
            raise InputError(f"privilege '{use.label}': {error}") from error
        return or_unmet(text, "the template gives no text")

    def _template(self, privilege: Privilege) -> str:
        """The template set's words for a privilege that has none of its own."""
        problem = words_problem(privilege, self._wording.name)
        if problem:
            raise InputError(problem)
        return self._wording.contexts[privilege.worded_as]


def unmet_need(task: Task, use: PrivilegeUse, attempts: Collection[str]) -> str | None:
    """What a task lacks for a privilege, or None; `attempts` says which kinds there are, right or wrong."""
    for need in use.needs:
        if not task[need]:
            return f"no {need}"
    if use.attempts not in attempts and use.privilege.needs_attempt(task):
        return f"no {use.attempts} attempt under {use.source}"
    return None
