"""The tests' Hub: repositories, refs and commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.answers import HttpError, base_url, card_data, file_entry
from hub.store import Repository, RevisionNotFoundError

if TYPE_CHECKING:
    from hub.server import Hub


async def whoami(hub: Hub, request: Request) -> Response:
    if "authorization" not in request.headers:
        raise HttpError(401, "Invalid username or password.")
    role = "write" if request.headers["authorization"].endswith(hub.token) else "read"
    auth = {"type": "access_token", "accessToken": {"displayName": "test", "role": role}}
    return JSONResponse({"name": "org", "type": "user", "orgs": [], "auth": auth})


async def create(hub: Hub, request: Request) -> Response:
    body = await request.json()
    name = f"{body.get('organization') or 'org'}/{body['name']}"
    url = f"{base_url(request)}/datasets/{name}"
    if name in hub.repos:
        return JSONResponse({"error": "You already created this dataset repo", "url": url}, 409)
    hub.repos[name] = Repository(name, private=body.get("visibility") == "private")
    return JSONResponse({"url": url})


async def info(hub: Hub, request: Request, repo: Repository, revision: str = "main") -> Response:
    commit = repo.resolve(revision or "main")
    blobs = request.query_params.get("blobs")
    first = repo.log(commit.oid)[-1]
    return JSONResponse(
        {
            "id": repo.id,
            "sha": commit.oid,
            "lastModified": commit.date,
            "createdAt": first.date,
            "private": repo.private,
            "gated": False,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "cardData": card_data(commit),
            "siblings": [
                {"rfilename": path} | (file_entry(path, blob) if blobs else {}) for path, blob in commit.files.items()
            ],
        }
    )


async def refs(hub: Hub, request: Request, repo: Repository) -> Response:
    def listed(refs: dict[str, str], kind: str) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in refs.items()]

    tags, branches = listed(repo.tags, "tags"), listed(repo.branches, "heads")
    proposed = [
        {"name": ref.rpartition("/")[2], "ref": ref, "targetCommit": oid} for ref, oid in repo.pull_requests.items()
    ]
    pulls = {"pullRequests": proposed} if request.query_params.get("include_prs") else {}
    return JSONResponse({"branches": branches, "converts": [], "tags": tags} | pulls)


async def commits(hub: Hub, _: Request, repo: Repository, revision: str) -> Response:
    log = [
        {"id": commit.oid, "title": commit.title, "message": "", "date": commit.date, "authors": []}
        for commit in repo.log(revision)
    ]
    return JSONResponse(log)


async def create_tag(hub: Hub, request: Request, repo: Repository, revision: str) -> Response:
    tag = (await request.json())["tag"]
    if tag in repo.tags:
        raise HttpError(409, f"Tag reference {tag} exists already")
    repo.tags[tag] = repo.resolve(revision).oid
    return JSONResponse({})


async def delete_tag(hub: Hub, _: Request, repo: Repository, revision: str) -> Response:
    if repo.tags.pop(revision, None) is None:
        raise RevisionNotFoundError(revision)
    return JSONResponse({})


async def create_branch(hub: Hub, request: Request, repo: Repository, revision: str) -> Response:
    if revision in repo.branches:
        raise HttpError(409, f"Branch reference {revision} exists already")
    repo.branches[revision] = repo.resolve((await request.json()).get("startingPoint") or "main").oid
    return JSONResponse({})
