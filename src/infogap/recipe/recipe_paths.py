"""Resolve the paths that a recipe writes, and rewrite those of a recipe that another one extends."""

from __future__ import annotations

import os
import re
from glob import has_magic
from pathlib import Path
from typing import Any

from infogap.errors import InputError

_KEYS = ("from", "model", "lexicons", "scorer", "tokenizer")  # whose texts can be paths
_NOT_BELOW = ("generate",)  # where `from` names a privilege
_FILE = re.compile(r".*\.(jsonl|json|csv|parquet|eval|ya?ml|gguf)(\.(gz|bz2|zst))?", re.IGNORECASE)

_LONGEST_SHOWN = 100  # characters of a path in a message


def resolved(base: Path, entry: str) -> Path:
    """Resolve a path that a recipe writes; relative ones start from `base`, `~` is a home folder.

    Raises InputError for what no file can be called, and for a folder that may not be read.
    """
    shown = entry if len(entry) <= _LONGEST_SHOWN else f"{entry[:_LONGEST_SHOWN]}..."
    if "\0" in entry:
        raise InputError(f"{shown}: no path holds the character NUL")
    try:
        path = base / Path(entry).expanduser()
        path.is_file()
    except RuntimeError as error:  # `~nobody`
        raise InputError(f"{shown}: {error}") from error
    except OSError as error:
        raise InputError(f"{shown}: {error.strerror}") from error
    return path


def rebased(data: dict[str, Any], folder: Path, to: Path) -> dict[str, Any]:
    """Return a recipe's data with the relative paths of `folder` written as paths that start from `to`.

    A text that may also be the name of a dataset or model counts as a path if there is such a file or folder.
    """
    if folder.resolve() == to.resolve():
        return data
    steps = os.path.relpath(folder.resolve(), to.resolve())
    return {
        key: value if key in _NOT_BELOW or key == "extends" else _rebased(value, str(key), folder, steps)
        for key, value in data.items()
    }


def _rebased(value: Any, key: str, folder: Path, steps: str) -> Any:
    if isinstance(value, dict):
        return {inner: _rebased(item, str(inner), folder, steps) for inner, item in value.items()}
    if isinstance(value, list):
        return [_rebased(item, key, folder, steps) for item in value]
    if isinstance(value, str) and key in _KEYS and _is_relative_path(value, folder):
        return os.path.normpath(f"{steps}/{value}")
    return value


def _is_relative_path(text: str, folder: Path) -> bool:
    if not text or "\0" in text or "://" in text or text.startswith(("/", "~", "${")):
        return False
    try:
        return has_magic(text) or bool(_FILE.fullmatch(text)) or (folder / text).exists()
    except OSError:  # a name that is too long
        return False
