"""Procedural tasks: what reasoning-gym's datasets make, as tasks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infogap.ids import derived_seed
from infogap.recipe.recipe_model import GYM_WITH_SOLUTION
from infogap.recipe.sources import GYM_VERIFIER, GymTasks
from infogap.rows import reasoning_gym
from infogap.rows.column_paths import as_text
from infogap.tasks.select_tasks import Task


def generate(source: GymTasks, name: str, recipe_seed: int) -> Iterator[Task]:
    """The `count` tasks of one dataset. Raises UserError where its settings do not work."""
    seed = source.seed if source.seed is not None else derived_seed("reasoning_gym", recipe_seed, name)
    origin = {"name": name, "seed": seed, "size": source.count, "config": reasoning_gym.settings(source, name)}
    for index in range(source.count):
        made_by = {**origin, "index": index}
        _, made = reasoning_gym.entry(made_by)
        yield _task(source, name, made, {"row": index + 1, "gym": made_by})


def _task(source: GymTasks, name: str, made: dict[str, Any], metadata: dict[str, Any]) -> Task:
    known = made.get("metadata") or {}
    difficulty = source.level if source.level is not None else known.get("difficulty")
    return Task.make(
        made["question"],
        as_text(made["answer"]),
        GYM_VERIFIER,
        source=reasoning_gym.label(name),
        family=name,
        difficulty=None if isinstance(difficulty, dict | list) else as_text(difficulty),
        solution=as_text(known.get("answer_cot")) if name == GYM_WITH_SOLUTION else None,
        metadata=metadata,
    )
