"""Grade answers that must match the gold answer, a regular expression, from beginning to end."""

from __future__ import annotations

import re

from infogap.verify.base import Grade, Item, Verifier, right_or_wrong, too_long, ungradable

NOT_A_PATTERN = "the answer is not a regular expression"
_ERRORS = (re.error, RecursionError, OverflowError)


class Regex(Verifier):
    """Correct where the whole answer matches. It needs a worker: some patterns take forever on some texts."""

    def grade(self, item: Item) -> Grade:
        if item.gold is None:
            return ungradable("the task has no gold answer", item.answer)
        try:
            pattern = re.compile(item.gold)
        except _ERRORS as error:
            return ungradable(f"the gold answer is not a regular expression: {error}", item.answer)
        return right_or_wrong(pattern.fullmatch(item.answer.strip()) is not None, item)

    def check_gold(self, question: str, gold: str) -> str | None:
        return too_long(gold) or _not_a_pattern(gold)


def _not_a_pattern(gold: str) -> str | None:
    try:
        re.compile(gold)
    except _ERRORS:
        return NOT_A_PATTERN
    return None


VERIFIER = Regex()
