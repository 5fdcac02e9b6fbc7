"""Collect tasks from files, datasets, reasoning-gym and the questions of imported traces. Open `stage.py` first."""

from infogap.tasks.stage import STAGE

__all__ = ["STAGE"]
