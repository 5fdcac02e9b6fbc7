"""The information gap: how much the teacher's context raises each trace's likelihood. Open `score_traces.py` first."""

from infogap.gap.stage import STAGE

__all__ = ["STAGE"]
