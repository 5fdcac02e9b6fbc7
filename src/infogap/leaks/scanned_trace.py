"""What the scan for leaks reads of a trace, and what it returns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

from infogap.leaks.answer_patterns import answer_pattern, same_answer, shown_answer
from infogap.privileges.ladder import BY_NAME
from infogap.privileges.masked_solution import BLANK
from infogap.text.trace_text import lower_in_place

_ATTEMPTS = re.compile(r"\battempts?\b|\bwrong solution\b|\bverdict\b|尝试", re.IGNORECASE)
_BLANKS = re.compile(rf"{BLANK}|_{{3,}}|\bblanked\b|\bmasked\b", re.IGNORECASE)
_BOX = re.compile(r"\\boxed\s*\{([^{}]{1,60}(?:\{[^{}]{0,40}\}[^{}]{0,40}){0,3})\}")
_SHOWS_ATTEMPTS = ("verifier", "peers")  # whatever the words of their contexts
_HOLDS_NONE = ("unguided", "hint", "masked_solution", "irrelevant")


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
class ScannedTrace:
    """A trace's text, its question, and the context of its teacher.

    `context` is what only the teacher saw; None if there was none, or if it is not known. `held_answer` is the answer
    that the context gives, in a decoy a wrong one. `privilege` is a name of the ladder; any other name stands for a
    privilege of the recipe's own.
    """

    text: str
    question: str
    context: str | None = None
    gold: str | None = None
    held_answer: str | None = None
    privilege: str = ""

    @classmethod
    def of(cls, text: str, question: str, context: str | None, gold: str | None, privilege: str) -> ScannedTrace:
        """A trace whose held answer is read from its context."""
        return cls(text, question, context, gold, held_answer(privilege, context, gold), privilege)

    @property
    def is_decoy(self) -> bool:
        """True if the context holds a wrong answer, or another task's solution."""
        known = BY_NAME.get(self.privilege)
        return known is not None and known.imitates is not None and self.privilege not in _HOLDS_NONE

    @property
    def without_context(self) -> bool:
        """True if the teacher is known to have seen the student's prompt and no more."""
        return self.privilege == "unguided" and self.context is None

    @cached_property
    def shows_work(self) -> bool:
        """True if the context holds more than its label and an answer."""
        return self.context is not None and len(self.context.partition(":")[2].split()) > 1 and not self._shows_answer

    @property
    def _shows_answer(self) -> bool:
        return self.privilege in ("answer", "decoy_answer")

    @cached_property
    def shows_attempts(self) -> bool:
        if self.context is None:
            return False
        return self.privilege in _SHOWS_ATTEMPTS or _ATTEMPTS.search(self.context) is not None

    @cached_property
    def shows_blanks(self) -> bool:
        return self.context is not None and _BLANKS.search(self.context) is not None

    @cached_property
    def wrong_patterns(self) -> list[re.Pattern[str]]:
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
    def held_pattern(self) -> re.Pattern[str] | None:
        """Matches the held answer, however it is written."""
        return answer_pattern(self.held_answer) if self.held_answer else None

    @cached_property
    def held_in_question(self) -> bool:
        """True if the question contains the held answer too: any trace may then know it."""
        return self.held_pattern is not None and self.held_pattern.search(self.question) is not None

    @cached_property
    def held_positions(self) -> list[int]:
        """Where the held answer occurs in the text; empty if the question contains it too."""
        if self.held_pattern is None or self.held_in_question:
            return []
        return [match.start() for match in self.held_pattern.finditer(self.text)]


def held_answer(privilege: str, context: str | None, gold: str | None) -> str | None:
    """Return the answer that a context gives: the gold answer if it is there, or a decoy's own; None without one."""
    known = BY_NAME.get(privilege)
    if not context or privilege in _HOLDS_NONE:
        return None
    if known is not None and known.imitates is not None:
        return shown_answer(context)
    if not gold:
        return None
    if (
        known is not None and known.attempts == "wrong"
    ):  # its steps can contain the gold value too; an answer that is given comes last
        return gold if context.rstrip().endswith(gold.strip()) else None
    pattern = answer_pattern(gold)
    return gold if gold in context or (pattern is not None and pattern.search(context)) else None
