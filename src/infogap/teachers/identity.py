"""Which model answers, where its name alone does not say it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infogap.ids import file_digest
from infogap.recipe.teacher import EmbeddedTeacher
from infogap.teachers.gguf import PACKAGED_MODEL

if TYPE_CHECKING:
    from infogap.run import Run


def model_identity(run: Run) -> dict[str, Any]:
    """Size and digest of a model that the recipe gives as a path: part of every request's identity.

    Its traces call it by the file's stem, which another file may have. Empty for the packaged model, for
    servers, which say no more than a name, and where the file is not there.
    """
    teacher = run.recipe.teacher
    if not isinstance(teacher, EmbeddedTeacher) or teacher.model == PACKAGED_MODEL:
        return {}
    path = run.resolve(teacher.model)
    if not path.is_file():
        return {}
    found = path.stat()
    return {"model_file": {"bytes": found.st_size, "sha256": _digest(path, found.st_mtime_ns, found.st_size)}}


@lru_cache(maxsize=4)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    """Gigabytes, read once per state of the file."""
    return file_digest(path)
