"""What a privilege is: one object that holds all there is to know about it, built-in or from another package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from infogap.recipe.privilege_entries import AttemptKind, Need, NoteKind
from infogap.verify.verifiers import gold_verifier, is_known, verifier

if TYPE_CHECKING:
    from infogap.privileges.decoys import Decoys

__all__ = ["Attempt", "AttemptKind", "Need", "Note", "NoteKind", "Privilege", "Task", "UnmetNeedError"]

Task = dict[str, Any]
"""A row of the tasks table."""
Role = Literal["privilege", "control", "style", "scoring"]
_ROLES = get_args(Role)


@dataclass(frozen=True)
class Note:
    """A text that a model wrote for contexts: a critique of an attempt, or a lesson from attempts at a task."""

    note_id: str
    task_id: str  # of the attempt, or the task that the lesson comes from
    text: str
    states_answer: bool = False  # whether it gives away the gold answer of the task that it is shown for


@dataclass(frozen=True)
class Attempt:
    """A trace that is shown to a teacher, and whether the verifier found it right."""

    reasoning: str
    response: str
    right: bool
    detail: str = ""  # what the verifier said besides
    critique: Note | None = None

    @property
    def trace(self) -> str:
        """The whole trace, as one text without tags."""
        return "\n\n".join(part for part in (self.reasoning.strip(), self.response.strip()) if part)


class UnmetNeedError(Exception):
    """The task lacks what the privilege needs; the message says what."""


class Privilege:
    """What a teacher sees beyond the student's prompt.

    Derive a class from it, give its facts as class attributes, and register an instance under the entry point group
    `infogap.privileges`. A frozen dataclass takes options: each field is one, set in the recipe and checked against its
    annotation (a trailing underscore is dropped: `from_` is `from`).

    `needs`, `attempts` and `turns` are properties here because some privileges derive them from their options; a class
    attribute does as well.
    """

    name: str
    richness: float
    """The rank on the ladder: 0 is the student's own prompt, 8 the whole worked solution."""
    shows: str
    """What the teacher sees besides the question, in a few words."""

    # The words
    template: str | None = None
    """The context as a Jinja template over the variables that `write` returns; None uses the recipe's template set."""
    imitates: str | None = None
    """Of a control: the privilege whose words it uses. It has the same richness, but not the knowledge."""
    style: bool = False
    """Whether the context also tells the teacher how to write."""
    contrasts: tuple[tuple[str, str], ...] = ()
    """Of a control: the privileges that the table of effects compares with it, each with a note on the comparison.
    Of a style: the privileges that it is compared with."""

    # What the context holds, for the scan for leaks
    is_unguided: bool = False
    """Whether there is no context at all."""
    holds_answer: bool = True
    """Whether the context can hold a final answer: the gold one, or in a control a wrong one."""
    shows_work: bool = True
    """Whether the context holds more than its label and an answer."""
    labels_attempts: bool = False
    """Whether the context says that it shows attempts rather than a solution."""
    unrelated: bool = False
    """Whether the text shown has nothing to do with the task."""

    # How it is used
    scoring: bool = False
    """Whether traces are only scored under it, never sampled."""
    attempts_from: str = "unguided"
    """The privilege whose attempts are shown by default, where any are."""
    beside: AttemptKind | None = None
    """A second attempt to show, if the task has one."""
    from_other_tasks: bool = False
    """Whether its contexts come from the other tasks of the run."""
    graded: bool = False
    """Whether its contexts depend on how answers are graded."""
    notes: NoteKind | None = None
    """Which notes a model writes for its contexts: a critique of each attempt, or lessons from other tasks."""

    note_variables: ClassVar[tuple[str, ...]] = ()
    """What the prompt that asks for a note may use."""

    @property
    def note_prompt(self) -> str:
        """The template of the prompt that asks for a note."""
        return ""

    @property
    def note_writer(self) -> str | None:
        """The name of the teacher that writes its notes; None if it is the one that is shown them."""
        return None

    @property
    def worded_as(self) -> str:
        """The privilege whose words in a template set it uses."""
        return self.imitates or self.name

    @property
    def needs(self) -> tuple[Need, ...]:
        """What a task must have."""
        return ()

    @property
    def shows_solution(self) -> bool:
        """Whether its contexts hold the task's own worked solution, or a part of it."""
        return "solution" in self.needs and self.imitates is None

    @property
    def attempts(self) -> AttemptKind | None:
        """Which attempts of the same run it shows: those that are right, those that are wrong, or none."""
        return None

    @property
    def source(self) -> str | None:
        """The privilege whose attempts it shows, as the recipe calls it; None where it shows none."""
        return self.attempts_from if self.attempts else None

    @property
    def turns(self) -> int:
        """How many attempts one sample may take: the teacher tries again until one is right."""
        return 1

    @property
    def shows_failing_test(self) -> bool:
        """Whether it shows what a verifier names as wrong in an attempt, such as a failing test."""
        return False

    @property
    def role(self) -> Role:
        """Whether it is a rung of the ladder, a control, a style, or for scoring only."""
        if self.scoring:
            return "scoring"
        if self.style:
            return "style"
        return "control" if self.imitates else "privilege"

    @property
    def rank(self) -> tuple[float, int, str]:
        """The sort key of the ladder: by richness, then role, then name."""
        return self.richness, _ROLES.index(self.role), self.name

    @property
    def options(self) -> tuple[str, ...]:
        """The names of its options, as a recipe writes them."""
        return tuple(field.name.rstrip("_") for field in fields(self)) if is_dataclass(self) else ()

    def needs_attempt(self, task: Task) -> bool:
        """Whether this task's context cannot be written without an attempt."""
        return self.attempts is not None

    def lacks(self, task: Task) -> str | None:
        """Say what a task lacks for it besides `needs` and attempts; None if nothing."""
        return None

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        """Return the template's variables for a task: by default the fields that the privilege needs.

        `attempts` are those with a response: the wrong ones, oldest first, and right ones; where `needs_attempt` is
        true, at least one is of the kind `attempts`. `decoys` finds wrong answers and other tasks' solutions; it knows
        the other tasks if `from_other_tasks` is true.

        Raises UnmetNeedError if there is nothing to show.
        """
        return {need: shown_gold(task) if need == "answer" else task[need] for need in self.needs}


def shown_gold(task: Task) -> str:
    """Return a task's gold answer as a teacher is shown it; empty if it has none."""
    gold, name = task["answer"] or "", task.get("verifier")
    return verifier(gold_verifier(task)).shown_gold(gold) if name and is_known(name) else gold


def or_unmet(text: str | None, reason: str) -> str:
    """Return the text. Raises UnmetNeedError with the reason if it is empty."""
    if not text:
        raise UnmetNeedError(reason)
    return text
