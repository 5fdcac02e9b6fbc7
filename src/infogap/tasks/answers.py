r"""Whether a gold answer can be used: whether its verifier can read it at all."""

from __future__ import annotations

import logging
import re
from contextlib import closing
from importlib import import_module

from infogap.console import progress
from infogap.verify.choices import options
from infogap.verify.functions import is_function
from infogap.verify.graders.numeric import number
from infogap.verify.pool import limit_memory
from infogap.verify.workers import Lost, bounded

MAX_CHARACTERS = 2_000
NO_ANSWER = "no answer"
TOO_LONG = f"the answer has more than {MAX_CHARACTERS:,} characters"
NOT_MATH = "math-verify finds nothing in the answer"
TOO_HARD = "math-verify cannot read the answer in time"
NO_OPTIONS = "the question has no options A, B, ..."
NOT_A_NUMBER = "the answer is not a number"
NOT_A_PATTERN = "the answer is not a regular expression"
NOT_AN_OPTION = "the answer is not the letter of an option"

_DEADLINE = 10.0  # seconds per answer
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?")
_SOMETHING = re.compile(r"[\w∞∅]")
_LETTER = re.compile(r"\(?([A-Za-z])[).:]?")


def choice_letter(answer: str) -> str:
    """`(c)` or `C.` as `C`; other texts as they are."""
    letter = _LETTER.fullmatch(answer)
    return letter[1].upper() if letter else answer


def faults(pairs: list[tuple[str, str]], verifier: str) -> list[str | None]:
    """For each question and answer why the verifier cannot use the answer, or None where it can."""
    if is_function(verifier):  # it says for itself what it can use, tests of a program for example
        return [None] * len(pairs)
    found = [TOO_LONG if len(answer) > MAX_CHARACTERS else None for _, answer in pairs]
    if verifier == "choice":
        return [fault or _choice_fault(*pair) for fault, pair in zip(found, pairs, strict=True)]
    if verifier == "math":
        unread = unreadable([answer for (_, answer), fault in zip(pairs, found, strict=True) if fault is None])
        return [fault or unread.get(answer) for fault, (_, answer) in zip(found, pairs, strict=True)]
    if verifier in ("numeric", "regex"):
        unfit = _number_fault if verifier == "numeric" else _pattern_fault
        return [fault or unfit(answer) for fault, (_, answer) in zip(found, pairs, strict=True)]
    return found


def _number_fault(answer: str) -> str | None:
    return NOT_A_NUMBER if number(answer) is None else None


def _pattern_fault(answer: str) -> str | None:
    try:
        re.compile(answer)
    except (re.error, RecursionError, OverflowError):
        return NOT_A_PATTERN
    return None


def _choice_fault(question: str, answer: str) -> str | None:
    offered = options(question)
    if not offered:
        return NO_OPTIONS
    return None if answer in offered else NOT_AN_OPTION


def unreadable(golds: list[str]) -> dict[str, str]:
    """The answers in which math-verify finds nothing, each with the reason.

    They are read in processes that are ended at a deadline: a few characters such as a binomial of large numbers
    keep the parser busy for hours.
    """
    hard = [gold for gold in dict.fromkeys(golds) if not _NUMBER.fullmatch(gold)]
    if not hard:
        return {}
    found: dict[str, str] = {}
    readings = bounded(_is_readable, hard, limit=_DEADLINE, start=_start_reader, preload=["math_verify"])
    with closing(readings), progress("tasks", len(hard), "answers") as advance:
        for gold, readable in zip(hard, readings, strict=True):
            if isinstance(readable, Lost) or readable is None:
                found[gold] = TOO_HARD
            elif not readable:
                found[gold] = NOT_MATH
            advance()
    return found


def _start_reader() -> None:
    """Before the clock runs: on a cold disk the import alone may take longer than an answer may."""
    import_module("math_verify")
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own time limit, an alarm, is off
    limit_memory()


def _is_readable(gold: str) -> bool | None:
    """Whether there is mathematics in an answer; None where reading it takes too much memory."""
    from math_verify import parse

    try:
        found = parse(f"\\boxed{{{gold}}}", parsing_timeout=None)
    except (MemoryError, RecursionError):
        return None
    return any(not isinstance(item, str) or _SOMETHING.search(item) for item in found)
