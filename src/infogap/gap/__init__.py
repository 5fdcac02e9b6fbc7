"""How much likelier each trace is under its teacher's context: the information gap, as a model sees it."""

from infogap.gap.stage import STAGE

__all__ = ["STAGE"]
