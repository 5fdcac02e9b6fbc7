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
    """Yield a temporary path to write to; rename it to `path` on success, remove it on failure.

    Raises ExternalError if the disk refuses (full, read-only, no permission).
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
        reported = _os_error_in(str(error))
        if reported is None:
            raise
        raise disk_error(path, reported) from error
    finally:
        with suppress(OSError):  # a failure here would hide the first one
            temporary.unlink(missing_ok=True)


# Polars' writers report the disk's errors as text: "... No space left on device (os error 28)".
_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def _os_error_in(message: str) -> OSError | None:
    """Return the disk error that another exception's message reports, or None."""
    match = _OS_ERROR.search(message)
    if match is None or int(match[1]) not in _DISK_ERRORS:
        return None
    return OSError(int(match[1]), os.strerror(int(match[1])))


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8), whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill; it replaces `path` on success, and `path` is unchanged on failure."""
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
    """Replace a folder with a new one; the old one is kept as `old` until that has succeeded."""
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
    """Return the error for a failed write, in one line."""
    return ExternalError(
        f"cannot write {path}: {error.strerror or error}; finished work is on disk: "
        "fix this, then run the same command again"
    )
