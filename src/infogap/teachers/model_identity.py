"""Which model answers, where its name alone does not say it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infogap.ids import file_digest
from infogap.recipe.teacher_section import EmbeddedTeacher, Teacher, VllmSettings
from infogap.teachers.weights_digest import folder_digest

if TYPE_CHECKING:
    from infogap.runs.run_folder import Run


def model_identity(run: Run) -> dict[str, Any]:
    """Digest of a model that the recipe gives as a path: part of every request's identity.

    Its traces call it by the name of its file or folder, which another one may have. Empty for the packaged
    model, for names on the Hub, for servers, which say no more than a name, and where nothing is there.
    """
    return identity_of(run.recipe.teacher, run.resolve) if run.recipe.teacher else {}


def identity_of(model: Teacher, resolve: Callable[[str], Path]) -> dict[str, Any]:
    """The same of any model of a recipe; `resolve` gives a path of the recipe as a path of this machine."""
    if isinstance(model, VllmSettings):
        return _folder(resolve(model.model).expanduser())
    if not isinstance(model, EmbeddedTeacher) or model.is_packaged:
        return {}
    path = resolve(model.model)
    if not path.is_file():
        return {}
    found = path.stat()
    return {"model_file": {"bytes": found.st_size, "sha256": _digest(path, found.st_mtime_ns, found.st_size)}}


def _folder(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        return {}
    state = tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(path.iterdir()))
    return {"model_folder": _folder_digest(path, state)}


@lru_cache(maxsize=4)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    """Gigabytes, read once per state of the file."""
    return file_digest(path)


@lru_cache(maxsize=4)
def _folder_digest(path: Path, _state: tuple[tuple[str, int, int], ...]) -> str:
    return folder_digest(path)
