"""Files that are not plain local ones: behind URLs, through fsspec (`hf://`, `s3://`, `https://`), and compressed."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from glob import has_magic
from pathlib import PurePosixPath
from typing import IO, Any, cast

from infogap.errors import ExternalError, InfogapError, InputError

COMPRESSED = (".gz", ".bz2", ".zst")


def suffixes(name: str) -> tuple[str, str]:
    """Split off a file name's type and compression: `.jsonl` and `.gz` of `rows.jsonl.gz`; either may be empty."""
    path = PurePosixPath(name.lower())
    if path.suffix in COMPRESSED:
        return PurePosixPath(path.stem).suffix, path.suffix
    return path.suffix, ""


def decompressed(file: IO[bytes], compression: str) -> Any:
    """Open a binary file's decompressed content; reading raises OSError or EOFError if it is damaged or truncated."""
    if compression == ".gz":
        return gzip.GzipFile(fileobj=file)
    if compression == ".bz2":
        return bz2.BZ2File(file)
    if compression == ".zst":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    return file


_TOO_MANY, _SERVER_FAILED = 429, 500  # HTTP status codes


def urls(url: str) -> list[str]:
    """Return the URL of a file, or those of the files in a pattern or folder, sorted.

    Raises InputError where there is none, ExternalError where the server cannot be reached.
    """
    with errors_at(url):
        system, path = _file_system(url)
        if _is_pattern(url):
            paths = sorted(system.glob(path))
        elif not suffixes(path.split("?")[0])[0] and system.isdir(path):
            paths = sorted(one for one in system.find(path) if suffixes(one)[0])
        else:
            return [url]
    if not paths:
        raise InputError(f"no file matches {url}")
    return [str(system.unstrip_protocol(one)) for one in paths]


def open_url(url: str) -> IO[bytes]:
    """Open a file's bytes; call it within `errors_at`."""
    system, path = _file_system(url)
    return cast("IO[bytes]", system.open(path, "rb"))


def _is_pattern(url: str) -> bool:
    # In a web address `?` begins a query, and brackets are rare names rather than patterns.
    return "*" in url if url.startswith(("http://", "https://")) else has_magic(url.split("://", 1)[1])


def _file_system(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    system, path = url_to_fs(url)
    return system, str(path)


@contextmanager
def errors_at(url: str) -> Iterator[None]:
    """Turn failures at a URL into one line: InputError for a missing file, ExternalError if the server fails."""
    try:
        yield
    except InfogapError:
        raise
    except (FileNotFoundError, PermissionError, ValueError) as error:
        if _is_unreachable(error.__cause__):
            raise ExternalError(
                f"cannot reach {url}: {_line(error.__cause__ or error)}; run the same command again"
            ) from error
        raise InputError(f"cannot read {url}: {_line(error)}") from error
    except ImportError as error:
        raise InputError(f"{url}: {_line(error)}; pip install 'infogap[remote]'") from error
    except Exception as error:  # each file system has exceptions of its own for a server that fails
        raise ExternalError(f"cannot reach {url}: {_line(error)}; run the same command again") from error


def _is_unreachable(cause: BaseException | None) -> bool:
    """Whether a file is missing only because the server did not answer, or failed."""
    status = getattr(cause, "status", None)
    return isinstance(cause, OSError) if status is None else status == _TOO_MANY or status >= _SERVER_FAILED


def _line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
