"""The input and the result of the scan for leaks: a trace with its context, and the leaks in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

from infogap.leaks.answer_patterns import AnswerPattern, answer_pattern, same_answer, shown_answer
from infogap.privileges.base import AttemptKind, NoteKind, Privilege
from infogap.privileges.masked_solution import BLANK
from infogap.text.text_batch import lower_in_place

_ATTEMPTS = re.compile(r"\battempts?\b|\bwrong solution\b|\bverdict\b|尝试", re.IGNORECASE)
_BLANKS = re.compile(rf"{BLANK}|_{{3,}}|\bblanked\b|\bmasked\b", re.IGNORECASE)
_CRITIQUE = re.compile(r"^(?:a )?critique[^\n:]*:", re.IGNORECASE | re.MULTILINE)
_BOX = re.compile(r"\\boxed\s*\{([^{}]{1,60}(?:\{[^{}]{0,40}\}[^{}]{0,40}){0,3})\}")


class Leak(TypedDict):
    """One leak: its `kind`, the `rule` that matched, its span in characters of the text, and the text there."""

    kind: str
    rule: str
    start: int
    end: int
    evidence: str


def leak_at(text: str, start: int, end: int, kind: str, rule: str) -> Leak:
    return Leak(kind=kind, rule=rule, start=start, end=end, evidence=text[start:end])


def plain_lower(text: str) -> str:
    """Lower case with straight apostrophes; every character keeps its position."""
    return lower_in_place(text).replace("’", "'")


@dataclass(frozen=True)
class ScanResult:
    """A trace's leaks, from left to right, and how much it copies from its context."""

    leaks: list[Leak]
    copied_share: float | None  # of its 8-grams; None without a context, or with fewer than 8 words
    longest_copy: int | None  # words; None without a context


@dataclass(frozen=True)
class ContextKind:
    """What the contexts of a privilege hold, in plain values that can be sent to worker processes.

    The default is that of an imported condition about which nothing is known.
    """

    is_unguided: bool = False
    is_control: bool = False
    holds_answer: bool = True
    shows_work: bool = True
    labels_attempts: bool = False
    unrelated: bool = False
    attempts: AttemptKind | None = None
    notes: NoteKind | None = None

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
            privilege.notes,
        )


_UNKNOWN = ContextKind()


@dataclass(frozen=True)
class TurnText:
    """Where a turn stands in the text of a trace of several turns."""

    start: int
    end: int
    seen: str  # by the student, before the turn: the question, and the results of tools
    before_results: bool  # the question alone


@dataclass(frozen=True)
class ScannedTrace:
    """A trace's text, its question, and the context of its teacher.

    `context` is what only the teacher saw; None if there was none, or if it is not known. `held_answer` is the answer
    that the context gives, in a decoy a wrong one. `kind` is what is known about such contexts. `may_have_seen` is what
    the teacher of an unknown context may have seen: only copies of it are looked for. `turns` are those of the
    assistant in a trace of several turns, whose `question` then holds the results of its tools too. `cut`: the trace
    stopped at its token limit, so that its last number may be the beginning of another one.
    """

    text: str
    question: str
    context: str | None = None
    gold: str | None = None
    held_answer: str | None = None
    kind: ContextKind = _UNKNOWN
    may_have_seen: str | None = None
    turns: tuple[TurnText, ...] | None = None
    cut: bool = False

    @classmethod
    def of(
        cls,
        text: str,
        question: str,
        context: str | None,
        gold: str | None,
        kind: ContextKind = _UNKNOWN,
        may_have_seen: str | None = None,
        *,
        cut: bool = False,
    ) -> ScannedTrace:
        """Make a trace, its held answer read from its context."""
        return cls(text, question, context, gold, held_answer(kind, context, gold), kind, may_have_seen, cut=cut)

    @property
    def is_decoy(self) -> bool:
        """True if the context holds a wrong answer, or another task's solution."""
        return self.kind.is_control and self.kind.holds_answer

    @property
    def without_context(self) -> bool:
        """True if the teacher is known to have seen the student's prompt and no more."""
        return self.kind.is_unguided and self.context is None

    @cached_property
    def shows_work(self) -> bool:
        """True if the context holds more than its label and an answer."""
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
    def wrong_patterns(self) -> list[AnswerPattern]:
        """Patterns for the boxed answers of the context that are not the gold answer, except single letters."""
        if not self.context or not (self.shows_attempts or self.is_decoy):
            return []
        gold = answer_pattern(self.gold) if self.gold else None
        boxed = dict.fromkeys(box.strip() for box in _BOX.findall(self.context))
        if self.is_decoy and self.held_answer:
            boxed[self.held_answer] = None
        wrong = [answer for answer in boxed if answer and not (gold and same_answer(gold, answer))]
        patterns = [answer_pattern(answer) for answer in wrong if len(answer) > 1 or answer.isdigit()]
        return [pattern for pattern in patterns if pattern is not None]

    @cached_property
    def held_pattern(self) -> AnswerPattern | None:
        """Matches the held answer, however it is written."""
        return answer_pattern(self.held_answer) if self.held_answer else None

    @cached_property
    def held_in_question(self) -> bool:
        """True if the question contains the held answer too: any trace may then know it."""
        return self.held_pattern is not None and self.held_pattern.search(self.question) is not None

    @cached_property
    def held_positions(self) -> list[int]:
        """The positions of the held answer in the text; empty if the question contains it too."""
        if self.held_pattern is None or self.held_in_question:
            return []
        return [match.start() for match in self.held_pattern.finditer(self.text)]


def held_answer(kind: ContextKind, context: str | None, gold: str | None) -> str | None:
    """Return the answer that a context gives: the gold answer if it is there, or a decoy's own; None without one."""
    if not context or not kind.holds_answer:
        return None
    if kind.is_control:
        return shown_answer(context)
    if not gold:
        return None
    pattern = answer_pattern(gold)
    if kind.notes == "critique":  # it may state what its attempt has not reached
        *attempts, critique = _CRITIQUE.split(context)
        stated_there = pattern is not None and pattern.search(critique)
        return gold if stated_there and not any(pattern.search(attempt) for attempt in attempts if pattern) else None
    if kind.attempts == "wrong":  # its steps can contain the gold value too; an answer that is given comes last
        return gold if context.rstrip().endswith(gold.strip()) else None
    return gold if gold in context or (pattern is not None and pattern.search(context)) else None
