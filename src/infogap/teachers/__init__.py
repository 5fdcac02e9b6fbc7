"""Teachers: the models that answer, each kind of them a backend that registers itself. Open `base.py` first."""

from infogap.teachers.backends import open_teacher
from infogap.teachers.base import Completion, Request, Teacher

__all__ = ["Completion", "Request", "Teacher", "open_teacher"]
