"""The tests' Hub: pull requests, which are drafts until they are opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hub.answers import HttpError
from hub.store import Proposal, Repository, StaleParentError

if TYPE_CHECKING:
    from hub.server import Hub

_DATE = "2026-01-01T00:00:00.000Z"


def _entry(repo: Repository, number: int, proposal: Proposal) -> dict[str, Any]:
    return {
        "num": number,
        "title": proposal.title,
        "author": {"name": proposal.author},
        "status": proposal.status,
        "createdAt": _DATE,
        "isPullRequest": True,
        "repo": {"name": repo.id, "type": "dataset"},
    }


async def listed(hub: Hub, request: Request, repo: Repository) -> Response:
    author = request.query_params.get("author")
    found = [
        _entry(repo, number, proposal)
        for number, proposal in repo.proposals.items()
        if author in (None, proposal.author)
    ]
    return JSONResponse({"discussions": found, "count": len(found), "start": 0})


async def create(hub: Hub, request: Request, repo: Repository) -> Response:
    body = await request.json()
    head = repo.resolve("main").oid
    return JSONResponse({"num": repo.open_proposal(head, body["title"], "draft")})


async def details(hub: Hub, request: Request, repo: Repository, number: str) -> Response:
    entry = _entry(repo, int(number), repo.proposals[int(number)])
    return JSONResponse(
        entry | {"events": [], "filesWithConflicts": [], "changes": {"base": "refs/heads/main"}, "diff": ""}
    )


async def set_status(hub: Hub, request: Request, repo: Repository, number: str) -> Response:
    status = (await request.json())["status"]
    repo.proposals[int(number)].status = status
    event = {"id": "1", "type": "status-change", "createdAt": _DATE, "author": {"name": "org"}}
    return JSONResponse({"newStatus": event | {"data": {"status": status}}})


async def merge(hub: Hub, request: Request, repo: Repository, number: str) -> Response:
    if repo.proposals[int(number)].status != "open":
        raise HttpError(400, "only an open pull request can be merged")
    try:
        repo.merge(f"refs/pr/{number}")
    except StaleParentError:
        raise HttpError(409, "the pull request has conflicts") from None
    repo.proposals[int(number)].status = "merged"
    return JSONResponse({})
