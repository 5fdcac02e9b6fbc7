"""Stable identities: the same content has the same id and the same seed on every machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson

_ID_HEX_DIGITS = 20  # 80 bits: a billion rows collide with probability below 1e-6
_MAX_SEED = 2**31 - 1  # every engine accepts seeds below it


def canonical(value: object) -> bytes:
    """Encode a value as JSON with sorted keys: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def stable_id(*parts: object) -> str:
    """Return a short id that depends only on `parts` (JSON-able values) and their order."""
    return digest(parts)[:_ID_HEX_DIGITS]


def derived_seed(*parts: object) -> int:
    """Return a seed, from 0 to 2**31 - 2, that depends only on `parts`."""
    return int(digest(parts)[:15], 16) % _MAX_SEED


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
