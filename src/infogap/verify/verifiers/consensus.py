"""Grade by the answer on which a task's unguided samples agree: `verify/agreed_answers.py` finds it."""

from __future__ import annotations

import orjson

from infogap.verify.base import Grade, Item, Verifier, too_long, ungradable

NAME = "consensus"
AGREED = "consensus"
"""The key of a task's metadata, while traces are graded, that holds what its unguided samples agree on."""


class Consensus(Verifier):
    """Correct where the answer is the one on which enough of the task's unguided samples agree.

    Tasks with such an answer are graded by the verifier that compares their answers; this one is left with the others.
    """

    needs_worker = False
    needs_gold = False
    reads_last_line = True
    takes_equality = True
    grades_alone = False

    def grade(self, item: Item) -> Grade:
        known = orjson.loads(item.metadata or "{}").get(AGREED) or {}
        return ungradable(known.get("reason") or "a consensus is found among the traces of a run", item.answer)

    def check_gold(self, question: str, gold: str) -> str | None:
        return too_long(gold)


VERIFIER = Consensus()
