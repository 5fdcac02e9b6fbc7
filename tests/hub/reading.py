"""The tests' Hub: listing and reading files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.answers import HttpError, file_entry, folder_entry
from hub.store import Repository

if TYPE_CHECKING:
    from hub.server import Hub


async def tree(hub: Hub, request: Request, repo: Repository, revision: str, path: str = "") -> Response:
    files = repo.resolve(revision).files
    folder = f"{path}/" if path else ""
    below = {name: blob for name, blob in files.items() if name.startswith(folder)}
    if folder and not below:
        raise HttpError(404, f"{path} does not exist on {revision}", "EntryNotFound")
    recursive = request.query_params.get("recursive", "").lower() in ("1", "true")
    parents = {"/".join(name.split("/")[:depth]) for name in below for depth in range(1, name.count("/") + 1)}
    folders = [name for name in parents if name.startswith(folder)]
    found = [*(folder_entry(name) for name in folders), *(file_entry(name, blob) for name, blob in below.items())]
    direct = [entry for entry in found if "/" not in entry["path"].removeprefix(folder)]
    return JSONResponse(sorted(found if recursive else direct, key=lambda entry: str(entry["path"])))


async def paths_info(hub: Hub, request: Request, repo: Repository, revision: str) -> Response:
    files = repo.resolve(revision).files
    entries = []
    for path in (await request.form()).getlist("paths"):
        name = str(path).strip("/")
        if name in files:
            entries.append(file_entry(name, files[name]))
        elif any(file.startswith(f"{name}/") for file in files):
            entries.append(folder_entry(name))
    return JSONResponse(entries)


async def resolve(hub: Hub, request: Request, repo: Repository, revision: str, path: str) -> Response:
    commit = repo.resolve(revision)
    blob = commit.files.get(path)
    if blob is None:
        raise HttpError(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit.oid})
    headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{blob.etag}"', "Accept-Ranges": "bytes"}
    if blob.lfs:
        headers |= {"X-Linked-Etag": f'"{blob.sha256}"', "X-Linked-Size": str(len(blob.content))}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if asked is None:
        return Response(blob.content, headers=headers, media_type="application/octet-stream")
    start, size = int(asked[1]), len(blob.content)
    end = min(int(asked[2] or size - 1), size - 1)
    if start >= size:
        raise HttpError(416, "range not satisfiable", headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    return Response(blob.content[start : end + 1], 206, headers, media_type="application/octet-stream")
