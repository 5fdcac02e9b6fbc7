"""The privilege `lessons`: what the teacher's attempts at other tasks teach, in short notes that hold no answer.

Like the memory items of ReasoningBank (Ouyang et al. 2025, arXiv 2509.25140), notes are drawn from right and from wrong
attempts, leave out what is particular to their task, and are chosen by the similarity of the questions. Here
similarity is that of the words; a note is never shown for its own task or a near-duplicate of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from infogap.privileges.attempts import ShowsAttempts
from infogap.privileges.base import Attempt, Task
from infogap.privileges.critique import Ask

if TYPE_CHECKING:
    from infogap.privileges.decoys import Decoys

LESSON_PROMPT = """\
These are attempts at one problem.

The problem:
{{ question }}{% if right %}

An attempt whose final answer is right:
{{ right }}{% endif %}{% if wrong %}

An attempt whose final answer is wrong:
{{ wrong }}{% endif %}

Write a note for somebody who is going to solve other problems of this kind: a strategy that works, or a mistake and \
how to avoid it. The note has at most {{ words }} words. It names nothing that is particular to this problem, such as \
its numbers and names, quotes nothing, and does not state the answer."""


@dataclass(frozen=True)
class Lessons(ShowsAttempts):
    """Short notes that a teacher drew from right and wrong attempts at other tasks."""

    pool: Annotated[
        int,
        Field(ge=2, le=10_000, description="lessons: the number of tasks that notes are drawn from; by default 32."),
    ] = 32
    count: Annotated[int, Field(ge=1, le=50, description="lessons: how many notes are shown; by default 3.")] = 3
    words: Annotated[int, Field(ge=5, le=2_000, description="lessons: the most words of a note; by default 80.")] = 80
    choose: Annotated[
        Literal["similar", "random"],
        Field(
            description="lessons: show the notes of the tasks whose questions share most words with the task's "
            "(similar, the default), or draw them from the seed."
        ),
    ] = "similar"
    writer: Annotated[
        str | None,
        Field(
            min_length=1,
            description="lessons: which of several `teachers` writes the notes; by default the one whose attempts they "
            "are drawn from.",
        ),
    ] = None
    ask: Ask = None

    name = "lessons"
    richness = 0.5
    shows = "notes from attempts at other tasks"
    holds_answer = False
    notes = "lesson"
    note_variables: ClassVar[tuple[str, ...]] = ("question", "right", "wrong", "words")

    @property
    def note_prompt(self) -> str:
        return self.ask or LESSON_PROMPT

    @property
    def note_writer(self) -> str | None:
        return self.writer

    def write(self, task: Task, attempts: Sequence[Attempt], decoys: Decoys) -> Mapping[str, Any]:
        return {}


LESSONS = Lessons()
