"""Privileges that show the teacher its wrong attempt and a critic's comments on it, step by step.

A critique follows the attempt rather than another derivation, so that it bears on the steps that are wrong and leaves
the right ones alone (Kara and Ersoy 2026, arXiv 2606.11173: a frozen critic's step-by-step critique, aligned to the
solver's trace, set against a binary reward and against the reference solution). The critic of `critique` reads the
question and the attempt; that of `informed_critique` has read the worked solution too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from infogap.privileges.attempts import ShowsAttempts
from infogap.privileges.base import Attempt, Need, Task

if TYPE_CHECKING:
    from infogap.privileges.decoys import Decoys

_ATTEMPT = """\
Somebody answered the question below, and the final answer is wrong.

The question:
{{ question }}

The answer:
{{ attempt }}

"""
_SOLUTION = """\
A correct solution, which its author has not seen:
{{ solution }}

"""
_COMMENT = """\
Comment on the answer step by step, in its own order. Repeat each step that is right nearly word for word, and say \
that it is right. At the first step that is wrong, say what is wrong with it and why, and what its author should think \
about instead. Do not solve the problem, and do not state its final answer."""

CRITIQUE_PROMPT = _ATTEMPT + _COMMENT
INFORMED_PROMPT = _ATTEMPT + _SOLUTION + _COMMENT

Critic = Annotated[
    str | None,
    Field(
        min_length=1,
        description="critique, informed_critique: which of several `teachers` writes the critiques; by default the one "
        "whose attempts they are about.",
    ),
]
Ask = Annotated[
    str | None,
    Field(
        min_length=1,
        description="critique, informed_critique, lessons: the prompt that asks for one, in Jinja.",
    ),
]


@dataclass(frozen=True)
class Critique(ShowsAttempts):
    """A wrong attempt, and the critique of somebody who has seen no more than the question and the attempt."""

    critic: Critic = None
    ask: Ask = None

    name = "critique"
    richness = 4.5
    shows = "its wrong attempt and a critique"
    attempts = "wrong"
    labels_attempts = True
    notes = "critique"
    note_variables: ClassVar[tuple[str, ...]] = ("question", "attempt")

    @property
    def worded_as(self) -> str:
        return "critique"

    @property
    def note_prompt(self) -> str:
        return self.ask or CRITIQUE_PROMPT

    @property
    def note_writer(self) -> str | None:
        return self.critic

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        criticized = [attempt for attempt in attempts if not attempt.right and attempt.critique is not None]
        return {
            "wrong": [attempt.response for attempt in criticized],
            "critiques": [attempt.critique.text for attempt in criticized if attempt.critique is not None],
        }


class InformedCritique(Critique):
    """A wrong attempt, and the critique of somebody who has read the worked solution."""

    name = "informed_critique"
    richness = 5.5
    shows = "its attempt, an informed critique"
    note_variables: ClassVar[tuple[str, ...]] = ("question", "attempt", "solution")

    @property
    def needs(self) -> tuple[Need, ...]:
        return ("solution",)

    @property
    def shows_solution(self) -> bool:
        return False  # the critic has read it

    @property
    def note_prompt(self) -> str:
        return self.ask or INFORMED_PROMPT


CRITIQUE = Critique()
INFORMED_CRITIQUE = InformedCritique()
