"""What a working copy knows of its bucket: the files that both had when they were last the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path
from uuid import uuid4

import orjson

from infogap.atomic_files import write_text
from infogap.bucket.addresses import STATE


@dataclass(frozen=True)
class FileState:
    """A file as it was uploaded or fetched, and the tag of its object."""

    size: int
    changed: int  # nanoseconds, by this machine
    digest: str  # SHA-256
    tag: str

    @classmethod
    def of_object(cls, size: int, tag: str) -> FileState:
        """Return the state of an object of which only the bucket has a copy: no file of this machine is like it."""
        return cls(size, 0, "", tag)


@dataclass
class FileStates:
    """The states of a working copy's files by their names, and the id of the copy."""

    folder: Path
    address: str
    copy: str
    files: dict[str, FileState] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, address: str) -> FileStates:
        """Read what is noted in a folder; a new copy knows nothing."""
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            noted = orjson.loads((folder / STATE).read_bytes())
            if noted["address"] == address:
                files = {name: FileState(*state) for name, state in noted["files"].items()}
                return cls(folder, address, str(noted["copy"]), files)
        return cls(folder, address, uuid4().hex)

    def write(self) -> None:
        """Note the states. Raises ExternalError if the disk refuses."""
        files = {name: astuple(state) for name, state in sorted(self.files.items())}
        noted = {"address": self.address, "copy": self.copy, "files": files}
        write_text(self.folder / STATE, orjson.dumps(noted).decode() + "\n")

    def unchanged(self, name: str) -> bool:
        """Whether a file is as the bucket had it, by its size and time of change."""
        known = self.files.get(name)
        return known is not None and size_and_time(self.folder / name) == (known.size, known.changed)

    def note(self, name: str, digest: str, tag: str) -> None:
        """Note that a file is as the bucket has it; a file that is gone meanwhile is not noted."""
        there = size_and_time(self.folder / name)
        if there is not None:
            self.files[name] = FileState(*there, digest, tag)


def names_in(folder: Path) -> list[str]:
    """Return the files of a working copy that the bucket is to have: all but hidden ones (locks, temporary files)."""
    return sorted(_visible(folder, folder))


def _visible(folder: Path, root: Path) -> Iterator[str]:
    try:
        entries = list(folder.iterdir())
    except FileNotFoundError:  # removed meanwhile, by the stage that is running
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _visible(entry, root)
        elif entry.is_file():
            yield entry.relative_to(root).as_posix()


def size_and_time(path: Path) -> tuple[int, int] | None:
    """Return a file's size and the time of its last change, in nanoseconds; None if there is no file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns
