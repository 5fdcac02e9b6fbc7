"""Which folder a vllm teacher's model is, where it is one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from infogap.errors import UserError


def find_folder(model: str, resolve: Callable[[str], Path]) -> Path | None:
    """The folder of a model that the recipe gives as a path; None for a name on the Hub.

    Raises UserError where it can only be a path and nothing is there.
    """
    path = resolve(model).expanduser()
    if path.is_dir():
        return path
    if model.startswith(("/", "./", "../", "~")) or model.count("/") > 1:
        raise UserError(f"there is no model folder {path}")
    return None
