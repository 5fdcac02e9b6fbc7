"""Draw for each task the one teacher that answers it."""

from __future__ import annotations

from collections.abc import Sequence

from infogap.ids import stable_id


def drawn_teacher(seed: int, task_id: str, teachers: Sequence[str]) -> str:
    """Give the name of the teacher that answers a task, from the recipe's seed and the task's id alone.

    Every teacher has a rank by a hash of its own, and the highest answers (rendezvous hashing, Thaler and Ravishankar
    1998): each of n teachers is drawn with probability 1/n whatever the other tasks are, and a teacher that is added
    takes tasks over, while no other task changes its teacher.
    """
    return max(teachers, key=lambda name: (stable_id("teacher of a task", seed, task_id, name), name))
