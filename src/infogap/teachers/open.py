"""From the recipe's teacher to one that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infogap.recipe.teacher import EmbeddedTeacher, RayTeacher, VllmTeacher

if TYPE_CHECKING:
    from infogap.run import Run
    from infogap.teachers.base import Teacher


def open_teacher(run: Run) -> Teacher:
    """The run's teacher, ready to answer. Raises UserError or WorldError where it cannot be."""
    teacher = run.recipe.teacher
    assert teacher is not None, "a recipe with `generate` has a teacher"
    if isinstance(teacher, EmbeddedTeacher):
        from infogap.teachers.embedded import EmbeddedModel

        return EmbeddedModel(teacher, run.resolve)
    if isinstance(teacher, VllmTeacher):
        from infogap.teachers.vllm import VllmModel

        return VllmModel(teacher, run.resolve)
    if isinstance(teacher, RayTeacher):
        from infogap.teachers.ray import RayCluster

        return RayCluster(teacher, run.resolve)
    from infogap.teachers.openai import OpenAIServers

    return OpenAIServers(teacher)
