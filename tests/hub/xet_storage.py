"""The tests' Hub: storage by Xet, in a folder that `hf_xet` itself keeps, as it does for addresses `local://`."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.answers import HttpError
from hub.store import Repository

if TYPE_CHECKING:
    from hub.server import Hub

_RECORD = 48  # bytes of every record of a shard, its header included
_VERIFIED, _WITH_SHA256 = 1 << 31, 1 << 30


async def write_token(hub: Hub, request: Request, repo: Repository, revision: str) -> Response:
    if hub.xet is None:
        raise HttpError(404, "Not Found")
    expires = int(time.time()) + 3600
    address = f"local://{hub.xet}"
    return JSONResponse({"casUrl": address, "accessToken": "xet", "exp": expires})


def read(folder: Path, sha256: str, size: int) -> bytes | None:
    """The content of an uploaded file; None if it is not there."""
    from hf_xet import XetFileInfo, XetSession  # type: ignore[import-untyped]

    for shard in folder.glob("xet/xorbs/shards/*.mdb"):
        for name, digest in _files(shard.read_bytes()):
            if digest == sha256:
                with TemporaryDirectory() as target:
                    with XetSession().new_file_download_group(endpoint=f"local://{folder}") as group:
                        group.start_download_file(XetFileInfo(name, size), f"{target}/file")
                    return Path(f"{target}/file").read_bytes()
    return None


def stored_bytes(folder: Path) -> int:
    """How much content was sent, in all."""
    return sum(file.stat().st_size for file in folder.glob("xet/xorbs/xorbs/default.*") if file.suffix != ".tagset")


def _files(shard: bytes) -> Iterator[tuple[str, str]]:
    """Yield the name by which Xet knows each file of a shard, and its SHA-256."""
    place = _RECORD
    while (name := shard[place : place + 32]) != b"\xff" * 32:
        flags, entries = struct.unpack_from("<II", shard, place + 32)
        place += _RECORD * (1 + entries * (2 if flags & _VERIFIED else 1))
        if flags & _WITH_SHA256:
            yield _hex(name), _hex(shard[place : place + 32])
            place += _RECORD


def _hex(digest: bytes) -> str:
    return "".join(digest[start : start + 8][::-1].hex() for start in range(0, 32, 8))
