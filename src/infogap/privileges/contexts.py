"""From a task and a privilege to what the teacher reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infogap.errors import UserError
from infogap.ids import stable_id
from infogap.privileges.decoys import Decoys
from infogap.privileges.hint import hint
from infogap.privileges.irrelevant import irrelevant
from infogap.privileges.ladder import BY_NAME
from infogap.privileges.masked_solution import masked
from infogap.privileges.templates import OWN_VARIABLES, fill, load_wording
from infogap.recipe.generate_section import PrivilegeUse
from infogap.text.thoughts import split


@dataclass(frozen=True)
class Context:
    """What a teacher sees besides the question; `context_id` is None and the text empty for nothing."""

    context_id: str | None
    text: str


@dataclass(frozen=True)
class Shown:
    """An attempt that the teacher is shown, and whether the verifier calls it right."""

    reasoning: str
    response: str
    right: bool

    @property
    def trace(self) -> str:
        """The whole of it, as one text without tags."""
        return "\n\n".join(part for part in (self.reasoning.strip(), self.response.strip()) if part)


class UnmetNeedError(Exception):
    """The task lacks what the privilege needs; the message says what."""


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
        self._contexts = load_wording(wording).contexts
        self._decoys = decoys

    def write(self, task: dict[str, Any], use: PrivilegeUse, shown: Sequence[Shown] = ()) -> Context:
        """The context of a task (a row of the tasks table) under a privilege.

        `shown` are the attempts for a privilege that shows any: the wrong ones, oldest first, for `verifier`; a right
        one and perhaps a wrong one for `peers`; a right one for the others.

        Raises UnmetNeedError where the task lacks what the privilege needs.
        """
        for need in use.needs:
            if not task[need]:
                raise UnmetNeedError(f"no {need}")
        text = self._text(task, use, shown)
        if not text:
            return Context(None, "")
        return Context(stable_id(task["task_id"], use.label, text), text)

    def _text(self, task: dict[str, Any], use: PrivilegeUse, shown: Sequence[Shown]) -> str:
        if use.name == "unguided":
            return ""
        if use.name not in BY_NAME:
            return _own(task, use)
        given = _attempts(task, use, shown) if use.attempts else self._given(task, use)
        return fill(self._contexts[use.worded_as], **given)

    def _given(self, task: dict[str, Any], use: PrivilegeUse) -> dict[str, str]:
        """What a privilege shows, under the names that its template calls it by."""
        match use.name:
            case "hint":
                part = hint(task["solution"], fraction=use.options.fraction, count=use.options.steps)
                return {"hint": _or_unmet(part, "no step of the solution comes before its result")}
            case "masked_solution":
                return {"masked_solution": masked(task["solution"], task["answer"])}
            case "irrelevant":
                return {"solution": irrelevant(len(task["solution"]), task["task_id"])}
            case "decoy_answer":
                return {"answer": _or_unmet(self._decoys.answer(task), "no plausible wrong answer")}
            case "decoy_solution":
                return {"solution": _or_unmet(self._decoys.solution(task), "no other solution in the family")}
        return {need: task[need] for need in use.needs}


def _attempts(task: dict[str, Any], use: PrivilegeUse, shown: Sequence[Shown]) -> dict[str, Any]:
    """What a privilege shows that shows attempts. Thoughts go where a chat template would drop them too."""
    if use.name == "solution_no_think" and (solution := _without_thought(task["solution"])):
        return {"solution": solution}
    told = [attempt for attempt in shown if attempt.response.strip()]
    right = [attempt for attempt in told if attempt.right]
    wrong = [attempt for attempt in told if not attempt.right]
    if not (right if use.attempts == "right" else wrong):
        raise UnmetNeedError(f"no {use.attempts} attempt under {use.attempts_from}")
    match use.name:
        case "verifier":
            answer = task["answer"] if use.options.verdict == "answer" else ""
            return {"wrong": [attempt.response for attempt in wrong], "answer": answer}
        case "peers":
            return {"right": right[0].response, "wrong": wrong[0].response if wrong else ""}
        case "solution_no_think":
            return {"solution": right[0].response}
    return {"solution": right[0].trace}


def _without_thought(solution: str | None) -> str | None:
    r"""A solution that was written with a thought, without it (Kim et al. 2026: c = s\think); None for others."""
    reasoning, response = split(solution or "")
    return response if reasoning and response else None


def _own(task: dict[str, Any], use: PrivilegeUse) -> str:
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
