"""Traces that exist already, as a run's traces."""

from infogap.imports.stage import STAGE

__all__ = ["STAGE"]
