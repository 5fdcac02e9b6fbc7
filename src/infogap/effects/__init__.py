"""What a teacher's privilege did: means, paired differences with intervals, contrasts with controls, pass@k."""

from infogap.effects.of_teacher import Effects
from infogap.effects.table import effects_of

__all__ = ["Effects", "effects_of"]
