"""What the tests' Hub answers with: errors, and files as entries of a listing."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import yaml  # type: ignore[import-untyped]
from starlette.requests import Request

from hub.store import Blob, Commit

STALE = "A commit has happened since. Please refresh and try again."


class HttpError(Exception):
    """An answer that is not 2xx, with the headers by which clients tell errors apart."""

    def __init__(self, status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {}) | (headers or {})


def base_url(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def file_entry(path: str, blob: Blob) -> dict[str, Any]:
    size = len(blob.content)
    lfs = {"lfs": {"oid": blob.sha256, "sha256": blob.sha256, "size": size, "pointerSize": 134}} if blob.lfs else {}
    return {"type": "file", "path": path, "size": size, "oid": blob.git_oid, "blobId": blob.git_oid} | lfs


def folder_entry(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": hashlib.sha1(path.encode()).hexdigest(), "size": 0}


def card_data(commit: Commit) -> dict[str, Any]:
    card = commit.files.get("README.md")
    return metadata(card.content.decode()) if card else {}


def metadata(card: str) -> dict[str, Any]:
    block = re.match(r"\s*---\r?\n(.*?)\r?\n---", card, re.DOTALL)
    data = yaml.safe_load(block[1]) if block else {}
    if not isinstance(data, dict):
        raise TypeError("the metadata is not a mapping")
    return data
