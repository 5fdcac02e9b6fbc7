"""What a teacher's privilege did: means, paired differences with intervals, contrasts with controls, pass@k."""

from infogap.effects.effects_table import effects_of
from infogap.effects.teacher_results import Effects

__all__ = ["Effects", "effects_of"]
