"""The digests of a run's files, computed once for each size and time of change."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from infogap.atomic_files import write_text
from infogap.errors import ExternalError
from infogap.ids import file_digest

FILE_NAME = ".checked.json"


class CheckedFiles:
    """Remembers, in a hidden file of the run folder, which content a file had at which size and time.

    The file is a cache: without it, or in a copied run, files are read once more.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known = _read(root / FILE_NAME)
        self._changed = False

    def digest(self, path: str) -> str:
        """Return the SHA-256 of a file, given by its path inside the run; the file is read if it may have changed."""
        state = self._state(path)
        known = self._known.get(path)
        if known is not None and known[:2] == state:
            return str(known[2])
        found = file_digest(self._root / path)
        self._known[path] = [*state, found]
        self._changed = True
        return found

    def note(self, files: dict[str, dict[str, Any]]) -> None:
        """Take over the digests of files that have just been written and read, as a manifest has them."""
        for path, entry in files.items():
            self._known[path] = [*self._state(path), entry["sha256"]]
        self._changed = self._changed or bool(files)

    def save(self) -> None:
        """Write down what is new. A folder that cannot be written keeps nothing."""
        if not self._changed:
            return
        there = {path: entry for path, entry in sorted(self._known.items()) if (self._root / path).is_file()}
        with suppress(ExternalError):
            write_text(self._root / FILE_NAME, orjson.dumps(there).decode() + "\n")
        self._changed = False

    def _state(self, path: str) -> list[int]:
        stat = (self._root / path).stat()
        return [stat.st_size, stat.st_mtime_ns]


def _read(path: Path) -> dict[str, list[Any]]:
    try:
        known = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: entry for name, entry in known.items() if isinstance(entry, list) and len(entry) == 3}
