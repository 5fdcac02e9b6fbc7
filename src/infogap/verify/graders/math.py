r"""Mathematical answers, compared by Math-Verify: `27.0` is 27, `\frac12` is 0.5, `x = 5` is 5."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from math_verify import verify

from infogap.verify.answers import unwrapped
from infogap.verify.grade import Grade, Item, no_answer, right_or_wrong, ungradable
from infogap.verify.graders.exact import half_width, normalised
from infogap.verify.parsing import parsed

_RATIONAL = re.compile(
    r"([+-]?)(?:(\d{1,18})(?:\.0+)?|(\d{1,18})/(\d{1,18})|\\[dt]?frac(?:\{(-?\d{1,18})\}\{(\d{1,18})\}|(\d)(\d)))"
)
_JOINT = re.compile(r"(?<=[\w)}\]])\s*,?\s+(?:or|and)\s+(?=[-+(\\\d]|[a-zA-Z](?![a-zA-Z]))")
_NAME = re.compile(r"[A-Za-z]['′]*")
_WORDS = re.compile(r"[^\W\d_]{2,}(?: [^\W\d_]+)*")
# What does not change the meaning: `\left(` is `(`, `\dfrac` is `\frac`. Spaces between digits or letters are kept.
_LOOKS = re.compile(
    r"\\(?:left|right)(?![a-zA-Z])|(?<!\\)\\[,;:! ]|(?<![A-Za-z0-9])\s+|\s+(?![A-Za-z0-9])|(?<=\\)[dt](?=frac(?![a-z]))"
)
_GROUPED = re.compile(r"(?<=\d)(?:\{,\}|,?\\[,!]|[\u2009\u202f])(?=\d{3}(?!\d))")  # 10{,}000, 10\,000, 10,\!000
_PROSE = re.compile(r"[A-Za-z]{2,}\s+[A-Za-z]|\d\s+[A-Za-z]{2,}|[A-Za-z]{2,}\s+\d")


def grade(item: Item) -> Grade:
    """Correct where the answer equals the gold answer as mathematics (or is the same text).

    Where no answer is stated, the last expression of the last line counts, as in LightEval's extraction.
    """
    if item.gold is None:
        return ungradable("the task has no gold answer", item.answer)
    right = _at_a_glance(item.answer, item.gold, words=item.stated)
    if right is not None:  # most answers: not worth waking sympy
        return right_or_wrong(right, item)
    try:
        return _compared(item, _gold(item.gold))
    except (MemoryError, RecursionError) as error:
        return ungradable(f"comparing the answers took too much memory ({type(error).__name__})", item.answer)
    except Exception as error:  # sympy raises whatever it likes on expressions that it cannot compare
        return right_or_wrong(False, item, f"the answers cannot be compared ({type(error).__name__})")


def _at_a_glance(answer: str, gold: str, *, words: bool) -> bool | None:
    """Whether the answer is right, where that shows in the text; `words`: in "No solution" case does not count."""
    answer, gold = (_GROUPED.sub("", unwrapped(text)) for text in (answer, gold))
    if _NAME.fullmatch(answer) and _NAME.fullmatch(gold):
        return answer == gold  # Math-Verify does not tell A from a, nor x from x'
    if words and (
        _LOOKS.sub("", answer) == _LOOKS.sub("", gold)
        or (_WORDS.fullmatch(normalised(gold)) and normalised(answer) == normalised(gold))
    ):
        return True
    rational, gold_rational = _rational(answer), _rational(gold)
    return None if rational is None or gold_rational is None else rational == gold_rational


def _rational(text: str) -> Fraction | None:
    """A whole number or a fraction of such, exactly; None for everything else."""
    match = _RATIONAL.fullmatch(text)
    if match is None:
        return None
    sign, *parts = (part for part in match.groups() if part is not None)
    over, under = int(parts[0]), int(parts[1]) if len(parts) == 2 else 1
    return None if under == 0 else Fraction(-over if sign == "-" else over, under)


def _compared(item: Item, gold: list[Any]) -> Grade:
    if all(isinstance(form, str) and not re.search(r"\w", form) for form in gold):
        return ungradable(f"the gold answer {item.gold!r:.60} cannot be read as mathematics", item.answer)
    answer = parsed(_marked(item.answer) if item.stated else item.answer)
    if not answer:
        return right_or_wrong(False, item, "the answer cannot be read as mathematics") if item.stated else no_answer()
    if not item.stated:
        item = replace(item, answer=str(answer[-1]))  # the text of the expression that was found
    return right_or_wrong(verify(gold, answer, timeout_seconds=None, raise_on_error=True), item)


@lru_cache(maxsize=256)  # a task's traces come one after the other
def _gold(text: str) -> list[Any]:
    return parsed(_marked(text))


def _marked(answer: str) -> str:
    """An answer in the form in which Math-Verify recognises it, as LaTeX or as prose ("27 miles")."""
    answer = _JOINT.sub(
        ", ", _GROUPED.sub("", half_width(answer)).replace("\\$", "")
    )  # \$18 is 18; "5 or 7" is the set of both
    if "$" in answer or "\\(" in answer or "\\[" in answer or ("\\" not in answer and _PROSE.search(answer)):
        return f"The final answer is {answer}"
    return f"\\boxed{{{answer}}}"
