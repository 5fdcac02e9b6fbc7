"""Grade by the votes of a model: `verify/judging/` asks it, in the run."""

from __future__ import annotations

from infogap.verify.base import Grade, Item, Verifier, too_long, ungradable

NAME = "judge"


class Judge(Verifier):
    """Correct where more than half of a model's votes say so. It reads the whole response, without the thought."""

    needs_gold = False
    whole_response = True
    takes_check = True
    grades_alone = False

    def grade(self, item: Item) -> Grade:
        return ungradable("a judge votes on the traces of a run", item.answer)

    def check_gold(self, question: str, gold: str) -> str | None:
        return too_long(gold)


VERIFIER = Judge()
