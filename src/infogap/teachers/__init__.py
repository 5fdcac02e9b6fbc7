"""Who answers: vLLM or a small model on this machine, or servers that speak the OpenAI protocol."""

from infogap.teachers.base import Completion, Request, Teacher
from infogap.teachers.factory import open_teacher
from infogap.teachers.model_identity import model_identity

__all__ = ["Completion", "Request", "Teacher", "model_identity", "open_teacher"]
