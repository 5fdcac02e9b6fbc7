"""Grade answers to procedural tasks with the reasoning-gym dataset that made the task, by `gym_scoring.py`."""

from __future__ import annotations

from importlib import import_module

from infogap.verify.base import Grade, Item, Verifier

_SCORING = "infogap.verify.gym_scoring"  # imports reasoning-gym


class Gym(Verifier):
    """Correct where the dataset scores the answer 1; the score itself is kept (some give nonsense a little)."""

    needs_gold = False
    modules = (_SCORING,)

    def grade(self, item: Item) -> Grade:
        graded: Grade = import_module(_SCORING).grade(item)
        return graded


VERIFIER = Gym()
