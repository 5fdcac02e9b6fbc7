"""What traces call a teacher: known before it is opened, which can take minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infogap.recipe.teacher import EmbeddedTeacher, OpenAITeacher
from infogap.teachers.gguf import find_gguf
from infogap.teachers.vllm_model import find_folder

if TYPE_CHECKING:
    from infogap.run import Run


def teacher_name(run: Run) -> str:
    """The recipe's model, or the name of its file or folder: the `name` of the teacher that `open_teacher` gives.

    Raises UserError where the model is a path and nothing is there.
    """
    teacher = run.recipe.teacher
    assert teacher is not None, "a recipe with `generate` has a teacher"
    if isinstance(teacher, OpenAITeacher):
        return teacher.model
    if isinstance(teacher, EmbeddedTeacher):
        return find_gguf(teacher.model, run.resolve).stem
    folder = find_folder(teacher.model, run.resolve)
    return folder.name if folder else teacher.model
