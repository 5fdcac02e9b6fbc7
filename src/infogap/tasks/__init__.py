"""Collect tasks from files, datasets, reasoning-gym and imported traces' questions. Open `write_tasks.py` first."""

from infogap.tasks.stage import STAGE

__all__ = ["STAGE"]
