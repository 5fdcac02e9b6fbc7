"""Where tasks come from: files, datasets, reasoning-gym, and the questions of imported traces."""

from infogap.tasks.stage import STAGE

__all__ = ["STAGE"]
