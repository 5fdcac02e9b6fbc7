"""Who answers: vLLM or a small model on this machine, or servers that speak the OpenAI protocol."""

from infogap.teachers.base import Completion, Request, Teacher
from infogap.teachers.identity import model_identity
from infogap.teachers.open import open_teacher

__all__ = ["Completion", "Request", "Teacher", "model_identity", "open_teacher"]
