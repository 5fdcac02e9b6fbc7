"""Addresses of runs in a bucket, and the folder on this machine that holds the copy of each."""

from __future__ import annotations

import re
from pathlib import Path

import orjson

from infogap.errors import InputError
from infogap.ids import digest
from infogap.user_cache import cache_folder

STATE = ".bucket.json"
"""The file of a working copy that says which bucket it is of, and what the bucket had."""
_SCHEME = "s3"
# A path on the command line has lost one of the slashes.
_ADDRESS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+):/{1,2}(?P<bucket>[^/]*)/*(?P<prefix>.*?)/*")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


def is_address(folder: str | Path) -> bool:
    """Whether a run's folder is given by an address such as `s3://bucket/prefix`."""
    return _ADDRESS.fullmatch(str(folder)) is not None and not Path(folder).exists()


def normal(folder: str | Path) -> str:
    """Return an address in the form that working copies are named by.

    Raises InputError for an address of another kind, or one without a bucket or a prefix.
    """
    parts = _ADDRESS.fullmatch(str(folder))
    assert parts is not None, folder
    scheme, bucket, prefix = parts["scheme"], parts["bucket"], parts["prefix"]
    if scheme != _SCHEME:
        raise InputError(f"{scheme}://{bucket}/{prefix}: a run can be in a folder, or in a bucket: s3://BUCKET/PREFIX")
    steps = prefix.split("/")
    if not _BUCKET.fullmatch(bucket) or any(step in ("", ".", "..") for step in steps):
        raise InputError(f"{scheme}://{bucket}/{prefix}: write s3://BUCKET/PREFIX; the prefix is the run's own folder")
    return f"{_SCHEME}://{bucket}/{prefix}"


def shown(folder: Path) -> str:
    """Return a folder's name for messages: an address with both its slashes."""
    return normal(folder) if is_address(folder) else str(folder)


def working_copy(address: str) -> Path:
    """Return the folder of this machine for an address in its normal form."""
    return cache_folder() / "runs" / f"{address.rpartition('/')[2][:40]}-{digest(address)[:12]}"


def address_of(folder: Path) -> str | None:
    """Return the address that a folder is the working copy of; None for any other folder."""
    try:
        address = orjson.loads((folder / STATE).read_bytes())["address"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(address)


def refuse_address(folder: Path | None, option: str) -> Path | None:
    """Return the folder, for an option that takes no address. Raises InputError for an address."""
    if folder is not None and is_address(folder):
        raise InputError(f"{option} {folder}: a bucket can hold single runs alone; name a folder")
    return folder
