"""The information gap: how much the teacher's context raises each trace's likelihood. Open `stage.py` first."""

from infogap.gap.stage import STAGE

__all__ = ["STAGE"]
