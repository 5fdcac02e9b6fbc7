"""What a teacher's privilege did: means, paired differences with intervals, contrasts with controls, pass@k."""

from infogap.effects.table import Effects, effects_of

__all__ = ["Effects", "effects_of"]
