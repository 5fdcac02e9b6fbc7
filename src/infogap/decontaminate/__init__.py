"""Tasks and traces that share passages with evaluation sets: found, reported, and left out of the mix by policy."""

from infogap.decontaminate.stage import STAGE

__all__ = ["STAGE"]
