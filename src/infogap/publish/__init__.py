"""Publish a run: write its dataset folder (configs, card, infogap.json), and push it to the Hub.

Open `stage.py` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infogap.publish.configs.base import Config
from infogap.publish.stage import STAGE

if TYPE_CHECKING:
    from infogap.publish.hub_push import PushResult, push

__all__ = ["STAGE", "Config", "PushResult", "push"]


def __getattr__(name: str) -> Any:
    """Import what pushes when it is used: a command that finds everything up to date does not."""
    if name in ("PushResult", "push"):
        from infogap.publish import hub_push

        return getattr(hub_push, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
