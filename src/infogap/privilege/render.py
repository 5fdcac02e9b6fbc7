"""From a task and a privilege to what the teacher reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infogap.errors import UserError
from infogap.ids import stable_id
from infogap.privilege.decoys import Decoys
from infogap.privilege.hint import hint
from infogap.privilege.irrelevant import irrelevant
from infogap.privilege.ladder import BY_NAME
from infogap.privilege.mask import masked
from infogap.privilege.wording import OWN_VARIABLES, fill, load_wording
from infogap.recipe.generate import PrivilegeUse


@dataclass(frozen=True)
class Context:
    """What a teacher sees besides the question; `context_id` is None and the text empty for nothing."""

    context_id: str | None
    text: str


class UnmetNeedError(Exception):
    """The task lacks what the privilege needs; the message says what."""


def student_prompt(question: str, instruction: str) -> str:
    """What the student will see, and all that an unguided teacher sees."""
    return f"{question}\n\n{instruction}"


def teacher_prompt(question: str, context: str, instruction: str, wording: str) -> str:
    """The student's prompt with the context in between, by the template set's one frame."""
    return fill(load_wording(wording).frame, question=question, context=context, instruction=instruction)


class ContextWriter:
    """Words the contexts of one recipe's privileges."""

    def __init__(self, wording: str, decoys: Decoys) -> None:
        self._contexts = load_wording(wording).contexts
        self._decoys = decoys

    def write(self, task: dict[str, Any], use: PrivilegeUse) -> Context:
        """The context of a task (a row of the tasks table) under a privilege.

        Raises UnmetNeedError where the task lacks what the privilege needs.
        """
        for need in use.needs:
            if not task[need]:
                raise UnmetNeedError(f"no {need}")
        text = self._text(task, use)
        if not text:
            return Context(None, "")
        return Context(stable_id(task["task_id"], use.label, text), text)

    def _text(self, task: dict[str, Any], use: PrivilegeUse) -> str:
        known = BY_NAME.get(use.name)
        if known is None:
            return self._own(task, use)
        if known.name == "unguided":
            return ""
        values = {key: task[key] for key in ("question", "answer", "solution", "family")}
        values |= self._given(task, use)
        return fill(self._contexts[use.worded_as], **values)

    def _given(self, task: dict[str, Any], use: PrivilegeUse) -> dict[str, str]:
        """What a privilege shows in place of, or besides, the task's own fields."""
        if use.name == "hint":
            part = hint(task["solution"], fraction=use.options.fraction, count=use.options.steps)
            return {"hint": _or_unmet(part, "the solution has one step only")}
        if use.name == "masked_solution":
            return {"masked_solution": masked(task["solution"], task["answer"])}
        if use.name == "irrelevant":
            return {"solution": irrelevant(len(task["solution"]), task["task_id"])}
        if use.name == "decoy_answer":
            return {"answer": _or_unmet(self._decoys.answer(task), "no plausible wrong answer")}
        if use.name == "decoy_solution":
            return {"solution": _or_unmet(self._decoys.solution(task), "no other solution in the family")}
        return {}

    def _own(self, task: dict[str, Any], use: PrivilegeUse) -> str:
        values = {key: task[key] or "" for key in OWN_VARIABLES}
        try:
            text = fill(use.options.template or "", **values).strip()
        except UserError as error:
            raise UserError(f"privilege '{use.label}': {error}") from error
        return _or_unmet(text, "the template gives no text")


def _or_unmet(text: str | None, reason: str) -> str:
    if not text:
        raise UnmetNeedError(reason)
    return text
