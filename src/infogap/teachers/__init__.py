"""Teachers: the models that answer, each kind of them a backend that registers itself. Open `base.py` first."""

from infogap.recipe.teacher_section import TeacherSettings
from infogap.teachers.base import Backend, Completion, Request, Teacher, open_teacher

__all__ = ["Backend", "Completion", "Request", "Teacher", "TeacherSettings", "open_teacher"]
