"""Grade the final answers of traces. Open `base.py` first: it says what a verifier is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infogap.verify.base import Grade, Item, Verifier, right_or_wrong

if TYPE_CHECKING:
    from infogap.runs.stage import Stage

    STAGE: Stage

__all__ = ["STAGE", "Grade", "Item", "Verifier", "right_or_wrong"]


def __getattr__(name: str) -> Stage:
    """Import the stage when it is used: worker processes import the verifiers and need no tables."""
    if name == "STAGE":
        from infogap.verify.stage import STAGE

        return STAGE
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
