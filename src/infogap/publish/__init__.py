"""Publish a run: write its dataset folder (configs, card, infogap.json), and push it to the Hub.

Open `dataset_folder.py` first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infogap.publish.stage import STAGE

if TYPE_CHECKING:
    from infogap.publish.configs.base import Config
    from infogap.publish.hub_push import PushResult, push

__all__ = ["STAGE", "Config", "PushResult", "push"]


def __getattr__(name: str) -> Any:
    """Import the rest when it is used: a command that finds everything up to date needs neither."""
    if name == "Config":
        from infogap.publish.configs.base import Config

        return Config
    if name in ("PushResult", "push"):
        from infogap.publish import hub_push

        return getattr(hub_push, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
