"""The tests' Hub: uploads and commits."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import orjson
import yaml  # type: ignore[import-untyped]
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub import xet_storage
from hub.answers import STALE, HttpError, base_url, metadata
from hub.store import Blob, Repository, StaleParentError

if TYPE_CHECKING:
    from hub.server import Hub


async def validate_yaml(hub: Hub, request: Request) -> Response:
    errors = []
    try:
        metadata((await request.json())["content"])
    except (yaml.YAMLError, TypeError) as error:
        errors = [{"message": str(error)}]
    return JSONResponse({"errors": errors, "warnings": []}, 400 if errors else 200)


async def preupload(hub: Hub, request: Request, repo: Repository, revision: str) -> Response:
    there = repo.resolve(revision).files
    files = []
    for file in (await request.json())["files"]:
        path = file["path"]
        mode = "lfs" if path.endswith(".parquet") else "regular"
        known = {"oid": there[path].etag} if path in there else {}
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False} | known)
    return JSONResponse({"files": files})


async def batch(hub: Hub, request: Request, repo: Repository) -> Response:
    objects = []
    for asked in (await request.json())["objects"]:
        oid = asked["oid"]
        href = f"{base_url(request)}/large-files/{oid}"
        actions = {"upload": {"href": href}, "verify": {"href": f"{href}/verify"}}
        known = {} if oid in hub.large_files else {"actions": actions}
        objects.append({"oid": oid, "size": asked["size"]} | known)
    return JSONResponse({"transfer": "basic", "objects": objects})


async def put(hub: Hub, request: Request, oid: str) -> Response:
    content = await request.body()
    hub.received.append((oid, len(content)))
    if hashlib.sha256(content).hexdigest() != oid:
        raise HttpError(400, "the content does not have this digest")
    hub.large_files[oid] = content
    return Response()


async def verify(hub: Hub, request: Request, oid: str) -> Response:
    if len(hub.large_files.get(oid, b"")) != (await request.json())["size"]:
        raise HttpError(404, "not uploaded")
    return Response()


async def commit(hub: Hub, request: Request, repo: Repository, revision: str) -> Response:
    while hub.before_commit:
        hub.before_commit.pop(0)()
    header: dict[str, Any] = {}
    changes: dict[str, Blob | None] = {}
    lines = (await request.body()).splitlines()
    if len(lines) - 1 > hub.files_per_commit:
        raise HttpError(400, f"a commit has at most {hub.files_per_commit} files")
    for line in lines:
        item = orjson.loads(line)
        key, value = item["key"], item["value"]
        if key == "header":
            header = value
        elif key == "file":
            changes[value["path"]] = Blob(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            if value["oid"] not in hub.large_files and hub.xet is not None:
                content = xet_storage.read(hub.xet, value["oid"], value["size"])
                hub.large_files |= {} if content is None else {value["oid"]: content}
            if value["oid"] not in hub.large_files:
                raise HttpError(400, f"the content of {value['path']} was not uploaded")
            changes[value["path"]] = Blob(hub.large_files[value["oid"]], lfs=True)
        elif key == "deletedFile":
            changes[value["path"]] = None
        else:
            folder = value["path"].rstrip("/") + "/"
            changes |= {path: None for path in repo.resolve(revision).files if path.startswith(folder)}
    try:
        proposes = request.query_params.get("create_pr") == "1"
        add = repo.propose if proposes else repo.commit
        made = add(revision, changes, header["summary"], header.get("parentCommit"))
    except StaleParentError:
        raise HttpError(412, STALE) from None
    if hub.drop_answers:
        hub.drop_answers -= 1
        raise HttpError(502, "the answer was lost")
    url = f"{base_url(request)}/datasets/{repo.id}"
    opened = {"pullRequestUrl": f"{url}/discussions/{len(repo.proposals)}"} if proposes else {}
    return JSONResponse({"success": True, "commitUrl": f"{url}/commit/{made.oid}", "commitOid": made.oid} | opened)
