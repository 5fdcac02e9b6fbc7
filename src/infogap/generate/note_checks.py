"""Check notes that models wrote: which can be shown, and which give away what they should not."""

from __future__ import annotations

from infogap.leaks.answer_patterns import answer_pattern, same_answer
from infogap.leaks.copy_limits import LEAKING_RUN, NGRAM
from infogap.leaks.copying import find_copies
from infogap.leaks.scanned_trace import ScannedTrace
from infogap.privileges.base import Attempt, Task
from infogap.text.reasoning_steps import sentences
from infogap.text.stated_answers import stated
from infogap.text.text_batch import word_count


def shortened(text: str, words: int) -> str:
    """Return the sentences that a note of at most `words` words begins with; empty if the first one is longer."""
    pieces = sentences(text.strip())
    kept: set[int] = set()
    left = words
    for place, sentence in enumerate(pieces.bodies):
        left -= word_count(sentence)
        if left < 0:
            break
        kept.add(place)
    return pieces.without(set(range(len(pieces.bodies))) - kept).text().strip()


def quotes_attempt(note: str, question: str, attempts: list[Attempt]) -> bool:
    """Return True if a note copies as many words in a row from an attempt as make a trace leak.

    It would show another task's attempt rather than what that teaches.
    """
    return any(_longest_copy(note, question, attempt.trace) >= LEAKING_RUN for attempt in attempts)


def gives_away(note: str, task: Task) -> bool:
    """Return True if a note has a task's gold answer anywhere, or eight words in a row of its solution.

    The letter of an option counts only if the note states it as the answer.
    """
    return _has_answer(note, task) or (
        bool(task["solution"]) and _longest_copy(note, task["question"], task["solution"]) >= NGRAM
    )


def states_answer(critique: str, task: Task, attempt: str) -> bool:
    """Return True if a critique gives away its task's gold answer.

    It states the answer as final, or has it where neither the question nor the attempt does.
    """
    gold = task["answer"]
    pattern = answer_pattern(gold) if gold else None
    if pattern is None:
        return False
    final = stated(critique)
    if final is not None and same_answer(pattern, final):
        return True
    known = pattern.search(task["question"]) or pattern.search(attempt)
    return not known and _has_answer(critique, task)


def _has_answer(text: str, task: Task) -> bool:
    gold = (task["answer"] or "").strip()
    pattern = answer_pattern(gold) if gold else None
    if pattern is None:
        return False
    if len(gold) == 1 and not gold.isdigit():  # "A" is also a word
        final = stated(text)
        return final is not None and same_answer(pattern, final)
    return pattern.search(text) is not None


def _longest_copy(text: str, question: str, source: str) -> int:
    """Return the number of words in the longest passage that a text copies from a source, and not from a question."""
    return find_copies(ScannedTrace(text, question, source)).longest or 0
