"""Find the backend that a recipe's settings name, and open its teacher or scorer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infogap import plugins
from infogap.recipe.teacher_section import AnyTeacher
from infogap.teachers.base import Backend, Resolve, Teacher
from infogap.teachers.scoring import Scorer

if TYPE_CHECKING:
    from infogap.runs.run_folder import Run


def backend_of(settings: AnyTeacher) -> Backend[Any]:
    """Find the backend of a teacher or scorer. Raises InputError where its package is not installed any more."""
    backend: Backend[Any] = plugins.load("backends", settings.backend)
    return backend


def open_teacher(run: Run) -> Teacher:
    """Open the run's teacher, ready to answer. Raises InputError or ExternalError where it cannot be."""
    teacher = run.recipe.teacher
    assert teacher is not None, "a recipe with `generate` has a teacher"
    return backend_of(teacher).open(teacher, run.resolve)


def open_scorer(settings: AnyTeacher, resolve: Resolve) -> Scorer:
    """Open a scorer; `resolve` gives a path of the recipe as a path of this machine.

    Raises InputError or ExternalError where it cannot be.
    """
    return backend_of(settings).open_scorer(settings, resolve)
