"""Tasks and traces that share passages with evaluation sets: reported, and excluded from the mix by policy."""

from infogap.decontaminate.stage import STAGE

__all__ = ["STAGE"]
