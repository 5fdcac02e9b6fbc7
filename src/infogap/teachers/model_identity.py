"""Identify a model: its name in the traces, and digests of its files if the name alone does not identify it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from infogap import plugins
from infogap.ids import digest, file_digest
from infogap.recipe.teacher_section import AnyTeacher
from infogap.teachers.base import Resolve, backend_of

_READ_WHOLE = {".json", ".jinja", ".model", ".txt", ".py", ".tiktoken"}  # configuration, tokenizer, template, code
_WEIGHTS = {".safetensors", ".bin", ".pt", ".pth", ".gguf"}
_SAMPLE = 4096  # bytes
_SAMPLES = 256  # of a file whose tensors are not listed


def name_of(settings: AnyTeacher, resolve: Resolve) -> str:
    """Return a model's name in traces and gaps, without opening it.

    Raises InputError if the model is a path and nothing is there.
    """
    return backend_of(settings).model_name(settings, resolve)


def model_identity(settings: AnyTeacher, resolve: Resolve) -> dict[str, Any]:
    """Return what determines a teacher's answers besides its name and settings: part of every request's identity.

    For a path, this is the digest of the files: others may have the same name. For another package's backend, it is the
    package's version: answers may change with it. Empty for models that their names identify.
    """
    return backend_of(settings).identity(settings, resolve) | _provider(settings)


def teacher_identity(settings: AnyTeacher, resolve: Resolve) -> dict[str, Any]:
    """Return what a teacher's answers depend on, for the manifest; works after its model's file is gone, too."""
    return {"model": settings.model} | settings.answer_settings | model_identity(settings, resolve)


def scorer_identity(settings: AnyTeacher, resolve: Resolve) -> dict[str, Any]:
    """Return everything that a score by the model depends on besides the text and its prompt."""
    return backend_of(settings).scorer_identity(settings, resolve) | _provider(settings)


def _provider(settings: AnyTeacher) -> dict[str, Any]:
    package, version = plugins.provider("backends", settings.backend)
    return {} if package == "infogap" else {"provider": {"backend": settings.backend, package: version}}


def file_identity(path: Path) -> dict[str, Any]:
    """Return the size and digest of a model's file; empty if there is no such file."""
    if not path.is_file():
        return {}
    state = path.stat()
    return {"model_file": {"bytes": state.st_size, "sha256": _digest(path, state.st_mtime_ns, state.st_size)}}


def folder_identity(path: Path) -> dict[str, Any]:
    """Return the digest of a model's folder; empty if there is no such folder."""
    if not path.is_dir():
        return {}
    state = tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(path.iterdir()))
    return {"model_folder": _folder_digest(path, state)}


@lru_cache(maxsize=4)
def _digest(path: Path, _mtime_ns: int, _size: int) -> str:
    """Cache the digest, as the file can have gigabytes; another size or time of change is another key."""
    return file_digest(path)


@lru_cache(maxsize=4)
def _folder_digest(path: Path, _state: tuple[tuple[str, int, int], ...]) -> str:
    return folder_digest(path)


def folder_digest(folder: Path) -> str:
    """Compute SHA-256 over the configuration, the tokenizer and the weights of a model, in hexadecimal.

    Weights enter by the file's size and a sample of each of its tensors, so that another checkpoint of the same shape
    is another model. Training that changes none of the sampled bytes goes unnoticed.
    """
    digests = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in _READ_WHOLE and path.is_file():
            digests[path.name] = file_digest(path)
        elif path.suffix in _WEIGHTS and path.is_file():
            digests[path.name] = _weights_digest(path)
    return digest(digests)


def _weights_digest(path: Path) -> str:
    size = path.stat().st_size
    hasher = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for offset in _tensor_offsets(file, size) if path.suffix == ".safetensors" else _spread(size):
            file.seek(offset)
            hasher.update(file.read(_SAMPLE))
    return hasher.hexdigest()


def _tensor_offsets(file: Any, size: int) -> Iterator[int]:
    """Yield where the tensors of a safetensors file begin, from its header: 8 bytes of length, then JSON."""
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
    try:
        header: dict[str, Any] = orjson.loads(file.read(min(length, size)))
        offsets = sorted(entry["data_offsets"][0] for name, entry in header.items() if name != "__metadata__")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        yield from _spread(size)  # damaged, which vLLM will report
        return
    yield from _spread(8 + length, every=_SAMPLE)
    yield from (8 + length + offset for offset in offsets)


def _spread(size: int, every: int | None = None) -> Iterator[int]:
    yield from range(0, size, every or max(size // _SAMPLES, _SAMPLE))
