"""Teachers: the models that answer. Each kind is a backend, in a folder of its own. Open `base.py` first."""

from infogap.recipe.teacher_section import TeacherSettings
from infogap.teachers.base import Backend, Completion, Request, Teacher, open_teacher

__all__ = ["Backend", "Completion", "Request", "Teacher", "TeacherSettings", "open_teacher"]
