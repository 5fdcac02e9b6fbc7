"""Grade answers that must have the gold answer's words; case, spacing and surrounding punctuation do not count."""

from __future__ import annotations

from infogap.text.stated_answers import normalised, without_reason
from infogap.verify.base import Grade, Item, Verifier, right_or_wrong, ungradable


class Exact(Verifier):
    """Correct where the normalised answer is the normalised gold answer."""

    needs_worker = False
    is_equality = True

    def grade(self, item: Item) -> Grade:
        if item.gold is None:
            return ungradable("the task has no gold answer", item.answer)
        answers = {normalised(item.answer), normalised(without_reason(item.answer))}
        return right_or_wrong(normalised(item.gold) in answers, item)


VERIFIER = Exact()
