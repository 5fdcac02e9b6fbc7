"""What traces call a teacher: known before it is opened, which can take minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from infogap.recipe.teacher_section import EmbeddedTeacher, OpenAITeacher, Teacher
from infogap.teachers.embedded.gguf_model import gguf_name
from infogap.teachers.vllm.model_folder import find_folder

if TYPE_CHECKING:
    from infogap.runs.run_folder import Run


def teacher_name(run: Run) -> str:
    """The recipe's model, or the name of its file or folder: the `name` of the teacher that `open_teacher` gives.

    Raises UserError where the model is a path and nothing is there.
    """
    assert run.recipe.teacher is not None, "a recipe with `generate` has a teacher"
    return name_of(run.recipe.teacher, run.resolve)


def name_of(model: Teacher, resolve: Callable[[str], Path]) -> str:
    """The same of any model of a recipe; `resolve` gives a path of the recipe as a path of this machine."""
    if isinstance(model, OpenAITeacher):
        return model.model
    if isinstance(model, EmbeddedTeacher):
        return gguf_name(model.model, resolve)
    folder = find_folder(model.model, resolve)
    return folder.name if folder else model.model
