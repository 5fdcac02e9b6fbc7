"""What the scan for leaks is given of a trace, and what it finds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

from infogap.leaks.written_answers import answer_pattern, same_answer, shown_answer
from infogap.privileges.base import AttemptKind, Privilege
from infogap.privileges.masked_solution import BLANK

_ATTEMPTS = re.compile(r"\battempts?\b|\bwrong solution\b|\bverdict\b|尝试", re.IGNORECASE)
_BLANKS = re.compile(rf"{BLANK}|_{{3,}}|\bblanked\b|\bmasked\b", re.IGNORECASE)
_BOX = re.compile(r"\\boxed\s*\{([^{}]{1,60}(?:\{[^{}]{0,40}\}[^{}]{0,40}){0,3})\}")


class Leak(TypedDict):
    """One place in the measured text: `kind`, the rule that found it, its span in characters, the words there."""

    kind: str
    rule: str
    start: int
    end: int
    evidence: str


@dataclass(frozen=True)
class Found:
    """What a trace gives away of its teacher's context; the two measures are None where there is nothing to share."""

    leaks: list[Leak]
    copied_share: float | None
    longest_copy: int | None


@dataclass(frozen=True)
class ContextKind:
    """What contexts of a privilege hold; plain values, which can be sent to worker processes.

    By default that of an imported condition of which nothing is known.
    """

    is_unguided: bool = False
    is_control: bool = False
    holds_answer: bool = True
    shows_work: bool = True
    labels_attempts: bool = False
    unrelated: bool = False
    attempts: AttemptKind | None = None

    @classmethod
    def of(cls, privilege: Privilege) -> ContextKind:
        return cls(
            privilege.is_unguided,
            privilege.imitates is not None,
            privilege.holds_answer,
            privilege.shows_work,
            privilege.labels_attempts,
            privilege.unrelated,
            privilege.attempts,
        )


_UNKNOWN = ContextKind()


@dataclass(frozen=True)
class Seen:
    """A trace's measured text, and what its student and its teacher saw.

    `context` is what only the teacher saw, None where it saw nothing more or where that is not known. `held_answer`
    is the answer that the context tells, which in a decoy is a wrong one. `kind` is what is known of such contexts.
    """

    text: str
    question: str
    context: str | None = None
    gold: str | None = None
    held_answer: str | None = None
    kind: ContextKind = _UNKNOWN

    @classmethod
    def of(cls, text: str, question: str, context: str | None, gold: str | None, kind: ContextKind = _UNKNOWN) -> Seen:
        """A trace of which it is not yet known what answer its context held."""
        return cls(text, question, context, gold, held_answer(kind, context, gold), kind)

    @property
    def is_decoy(self) -> bool:
        """Whether the teacher was shown a wrong answer, or another task's solution."""
        return self.kind.is_control and self.kind.holds_answer

    @property
    def told_nothing(self) -> bool:
        """Whether the teacher is known to have seen the student's prompt and no more."""
        return self.kind.is_unguided and self.context is None

    @cached_property
    def shows_work(self) -> bool:
        """Whether the context holds more than its label and an answer."""
        return self.context is not None and len(self.context.partition(":")[2].split()) > 1 and self.kind.shows_work

    @cached_property
    def shows_attempts(self) -> bool:
        if self.context is None:
            return False
        return self.kind.labels_attempts or _ATTEMPTS.search(self.context) is not None

    @cached_property
    def shows_blanks(self) -> bool:
        return self.context is not None and _BLANKS.search(self.context) is not None

    @cached_property
    def wrong_patterns(self) -> list[re.Pattern[str]]:
        """Match the answers in the context's boxes that are not the gold one, but for bare letters."""
        if not self.context or not (self.shows_attempts or self.is_decoy):
            return []
        gold = answer_pattern(self.gold) if self.gold else None
        told = dict.fromkeys(box.strip() for box in _BOX.findall(self.context))
        if self.is_decoy and self.held_answer:
            told[self.held_answer] = None
        wrong = [answer for answer in told if answer and not (gold and same_answer(gold, answer))]
        found = [answer_pattern(answer) for answer in wrong if len(answer) > 1 or answer.isdigit()]
        return [pattern for pattern in found if pattern is not None]

    @cached_property
    def held_pattern(self) -> re.Pattern[str] | None:
        """Matches the answer that the context held, however it is written."""
        return answer_pattern(self.held_answer) if self.held_answer else None

    @cached_property
    def held_in_question(self) -> bool:
        """Whether the question says the held answer too."""
        return self.held_pattern is not None and self.held_pattern.search(self.question) is not None

    @cached_property
    def held_places(self) -> list[int]:
        """Where the held answer stands in the text; nowhere, where the question has it too and any trace may say it."""
        if self.held_pattern is None or self.held_in_question:
            return []
        return [match.start() for match in self.held_pattern.finditer(self.text)]


def held_answer(kind: ContextKind, context: str | None, gold: str | None) -> str | None:
    """The answer that a context tells: the gold one where it stands there, a decoy's own; None where it tells none."""
    if not context or not kind.holds_answer:
        return None
    if kind.is_control:
        return shown_answer(context)
    if not gold:
        return None
    if kind.attempts == "wrong":  # its steps can hold the gold value as well; a gold answer that is told ends it
        return gold if context.rstrip().endswith(gold.strip()) else None
    pattern = answer_pattern(gold)
    return gold if gold in context or (pattern is not None and pattern.search(context)) else None
