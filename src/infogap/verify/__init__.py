"""What the verifier says of a trace's final answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infogap.runs.stage import Stage

    STAGE: Stage

__all__ = ["STAGE"]


def __getattr__(name: str) -> Stage:
    """The stage, imported when asked for: worker processes import the graders and need no tables."""
    if name == "STAGE":
        from infogap.verify.stage import STAGE

        return STAGE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
