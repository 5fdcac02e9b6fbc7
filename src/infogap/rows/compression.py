"""Compressed files, decompressed while they are read: gzip, bzip2 and Zstandard."""

from __future__ import annotations

import bz2
import gzip
from pathlib import PurePosixPath
from typing import IO, Any

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
