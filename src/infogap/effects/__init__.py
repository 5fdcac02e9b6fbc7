"""The effects of privileges: paired differences, contrasts with controls, pass@k. Open `effects_table.py` first."""

from infogap.effects.effects_table import effects_of
from infogap.effects.teacher_ranking import TeacherRanking, rank_teachers
from infogap.effects.teacher_results import Effects

__all__ = ["Effects", "TeacherRanking", "effects_of", "rank_teachers"]
