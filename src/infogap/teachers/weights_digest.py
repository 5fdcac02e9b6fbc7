"""A digest of a model's folder that tells one model from another without reading all of its weights."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from infogap.ids import digest, file_digest

_READ_WHOLE = {".json", ".jinja", ".model", ".txt", ".py", ".tiktoken"}  # configuration, tokenizer, template, code
_WEIGHTS = {".safetensors", ".bin", ".pt", ".pth", ".gguf"}
_SAMPLE = 4096  # bytes
_SAMPLES = 256  # of a file whose tensors are not listed


def folder_digest(folder: Path) -> str:
    """SHA-256 over the configuration, the tokenizer and the weights of a model, in hexadecimal.

    Weights count by their file's size and by a sample of every tensor in it, so that another checkpoint of the
    same shape is another model; training that leaves the samples' bytes as they were is not noticed.
    """
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in _READ_WHOLE and path.is_file():
            found[path.name] = file_digest(path)
        elif path.suffix in _WEIGHTS and path.is_file():
            found[path.name] = _weights_digest(path)
    return digest(found)


def _weights_digest(path: Path) -> str:
    size = path.stat().st_size
    hasher = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for offset in _places(file, size) if path.suffix == ".safetensors" else _spread(size):
            file.seek(offset)
            hasher.update(file.read(_SAMPLE))
    return hasher.hexdigest()


def _places(file: Any, size: int) -> Iterator[int]:
    """Where the tensors of a safetensors file begin: 8 bytes of length, a JSON header of that length, the tensors."""
    start = file.read(8)
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
    try:
        header: dict[str, Any] = orjson.loads(file.read(min(length, size)))
        places = sorted(entry["data_offsets"][0] for name, entry in header.items() if name != "__metadata__")
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        yield from _spread(size)  # damaged: vLLM will say so
        return
    yield from _spread(8 + length, every=_SAMPLE)
    yield from (8 + length + place for place in places)


def _spread(size: int, every: int | None = None) -> Iterator[int]:
    yield from range(0, size, every or max(size // _SAMPLES, _SAMPLE))
