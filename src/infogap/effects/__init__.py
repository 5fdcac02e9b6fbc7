"""What privileges did: paired differences with intervals, contrasts with controls, pass@k. Open `effects_table.py`."""

from infogap.effects.effects_table import effects_of
from infogap.effects.teacher_ranking import TeacherRanking, rank_teachers
from infogap.effects.teacher_results import Effects

__all__ = ["Effects", "TeacherRanking", "effects_of", "rank_teachers"]
