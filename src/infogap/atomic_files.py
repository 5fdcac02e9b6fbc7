"""Files that are either whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from infogap.errors import ExternalError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; on success it becomes `path`, on failure it is removed.

    Raises ExternalError where the disk refuses (full, read-only, no permission).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if isinstance(error, ExternalError):
            raise
        raise disk_error(path, error) from error
    except Exception as error:
        refused = _refused_in_words(error)
        if refused is None:
            raise
        raise disk_error(path, refused) from error
    finally:
        with suppress(OSError):  # where the disk refused, what it said then is what counts
            temporary.unlink(missing_ok=True)


# Polars' writers tell what the disk said in words alone: "... No space left on device (os error 28)".
_IN_WORDS = re.compile(r"\(os error (\d+)\)")
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def _refused_in_words(error: Exception) -> OSError | None:
    """The disk's refusal that an error of another kind reports."""
    found = _IN_WORDS.search(str(error))
    if found is None or int(found[1]) not in _OF_THE_DISK:
        return None
    return OSError(int(found[1]), os.strerror(int(found[1])))


def write_text(path: Path, text: str) -> None:
    """Write a whole text file (UTF-8) or none."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; on success it replaces `path`, on failure `path` is as it was."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        _replace(path, temporary, old)
    except OSError as error:
        if isinstance(error, ExternalError):
            raise
        raise disk_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace(path: Path, new: Path, old: Path) -> None:
    """Put a folder in another's place, which is moved to `old` and then removed; back again if that fails."""
    if not path.exists():
        new.rename(path)
        return
    shutil.rmtree(old, ignore_errors=True)
    path.rename(old)
    try:
        new.rename(path)
    except BaseException:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def disk_error(path: Path, error: OSError) -> ExternalError:
    """What the disk refused, in one line."""
    return ExternalError(
        f"cannot write {path}: {error.strerror or error}; what was finished before is on disk, "
        "run the same command again once this is mended"
    )
