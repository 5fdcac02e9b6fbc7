r"""Grade mathematical answers: `27.0` is 27, `\frac12` is 0.5, `x = 5` is 5. `math_comparison.py` compares them."""

from __future__ import annotations

import re
from contextlib import closing
from importlib import import_module

from infogap.parallel.bounded_processes import Lost, bounded
from infogap.progress import progress
from infogap.verify.base import Grade, Item, Verifier, too_long
from infogap.verify.gold_answers import COMMANDS, final_answer_in, not_one_answer

NOT_MATH = "there is nothing in the answer"
TOO_HARD = "math-verify cannot read the answer in time"

_COMPARISON = "infogap.verify.math_comparison"  # imports sympy and Math-Verify
_DEADLINE = 10.0  # seconds per gold answer
_NUMBER = re.compile(r"[+-]?\d{1,300}(\.\d{1,300})?")
_SOMETHING = re.compile(r"[\w∞∅½-¾⅐-⅞]")


class Math(Verifier):
    """Correct where the answer certainly is the gold answer, as mathematics or as words."""

    compares_values = True
    is_equality = True
    reads_last_line = True
    modules = (_COMPARISON,)

    def grade(self, item: Item) -> Grade:
        graded: Grade = import_module(_COMPARISON).grade(item)
        return graded

    def check_gold(self, question: str, gold: str) -> str | None:
        return self.check_golds([(question, gold)])[0]

    def check_golds(self, pairs: list[tuple[str, str]]) -> list[str | None]:
        """Check that each gold answer is one answer that can be read in time; all of them in the same workers."""
        plain = [too_long(gold) or not_one_answer(gold) for _, gold in pairs]
        reasons = unreadable([gold for (_, gold), reason in zip(pairs, plain, strict=True) if reason is None])
        return [reason or reasons.get(gold) for (_, gold), reason in zip(pairs, plain, strict=True)]

    def gold_answer(self, question: str, gold: str) -> str:
        return final_answer_in(gold)


def unreadable(golds: list[str]) -> dict[str, str]:
    """Return the answers of which nothing can be read, each with the reason: they are empty, or take too long.

    They are read in processes that are ended at a deadline: a few characters such as a binomial of large numbers
    keep the parser busy for hours.
    """
    reasons = {gold: NOT_MATH for gold in golds if not _SOMETHING.search(COMMANDS.sub(_blank_unless_sign, gold))}
    hard = [gold for gold in dict.fromkeys(golds) if gold not in reasons and not _NUMBER.fullmatch(gold)]
    if not hard:
        return reasons
    readings = bounded(_is_read, hard, limit=_DEADLINE, start=_start_reader, preload=["math_verify"])
    with closing(readings), progress("tasks", len(hard), "answers") as advance:
        for gold, done in zip(hard, readings, strict=True):
            if isinstance(done, Lost) or not done:
                reasons[gold] = TOO_HARD
            advance()
    return reasons


def _blank_unless_sign(command: re.Match[str]) -> str:
    """Replace a command by a blank, or by a sign if it says something itself, as `\\pi` does."""
    return " " if command[0].startswith(("\\text", "\\begin", "\\end", "\\left", "\\right", "\\math")) else "0"


def _start_reader() -> None:
    """Import before the clock runs: on a cold disk the import alone may take longer than an answer may."""
    from infogap.parallel.process_limits import limit_memory
    from infogap.verify.grading_pool import MEMORY_LIMIT

    import_module("infogap.verify.math_verify_patch")
    limit_memory(MEMORY_LIMIT)


def _is_read(gold: str) -> bool:
    """Whether Math-Verify finishes reading an answer, whatever it finds."""
    from infogap.verify.math_verify_patch import expressions
    from infogap.verify.reading.answer_reader import Condition, Maths, read

    try:
        form = read(gold)
        if isinstance(form, Maths | Condition):
            expressions(form.latex)
    except (MemoryError, RecursionError):
        return False
    except Exception:  # what it cannot read is compared as a text
        return True
    return True


VERIFIER = Math()
