"""From tasks to traces: what is asked of the teacher, and how answers are kept."""

from infogap.generate.stage import STAGE, forget_failed

__all__ = ["STAGE", "forget_failed"]
