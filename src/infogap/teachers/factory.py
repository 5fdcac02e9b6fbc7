"""From a recipe's model to one that answers, or that scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from infogap.recipe.teacher_section import EmbeddedTeacher, OpenAITeacher, RayTeacher, VllmTeacher
from infogap.recipe.teacher_section import Teacher as Settings

if TYPE_CHECKING:
    from infogap.runs.run_folder import Run
    from infogap.teachers.base import Teacher
    from infogap.teachers.scoring import Scorer


def open_teacher(run: Run) -> Teacher:
    """The run's teacher, ready to answer. Raises UserError or WorldError where it cannot be."""
    teacher = run.recipe.teacher
    assert teacher is not None, "a recipe with `generate` has a teacher"
    if isinstance(teacher, EmbeddedTeacher):
        from infogap.teachers.embedded.embedded_teacher import EmbeddedModel

        return EmbeddedModel(teacher, run.resolve)
    if isinstance(teacher, VllmTeacher):
        from infogap.teachers.vllm.vllm_teacher import VllmModel

        return VllmModel(teacher, run.resolve)
    if isinstance(teacher, RayTeacher):
        from infogap.teachers.ray.ray_teacher import RayCluster

        return RayCluster(teacher, run.resolve)
    from infogap.teachers.openai.openai_teacher import OpenAIServers

    return OpenAIServers(teacher)


def open_scorer(settings: Settings, resolve: Callable[[str], Path]) -> Scorer:
    """A scorer, ready; `resolve` gives a path of the recipe as a path of this machine.

    A model of the ray backend is scored by an engine on this node. Raises UserError or WorldError where it cannot be.
    """
    if isinstance(settings, EmbeddedTeacher):
        from infogap.teachers.embedded.embedded_scoring import EmbeddedScorer

        return EmbeddedScorer(settings, resolve)
    if isinstance(settings, OpenAITeacher):
        from infogap.teachers.openai.openai_scoring import OpenAIScorer

        return OpenAIScorer(settings)
    from infogap.teachers.vllm.vllm_scoring import VllmScorer

    return VllmScorer(settings, resolve)
