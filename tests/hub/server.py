"""A small Hub over HTTP, for tests: real repositories, real commits, faults on demand.

    hub = Hub(token="hf_test")
    with serve(hub.app) as url: ...

It speaks the part of the Hub's protocol that `huggingface_hub` and `datasets` use for dataset repositories. With
`xet`, a folder, uploads by Xet go there: `hf_xet` itself keeps the chunks, as it does for addresses `local://`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub import discussions, reading, repositories, writing, xet_storage
from hub.answers import STALE, HttpError
from hub.store import Repository, RevisionNotFoundError

_REPO = r"(?P<repo>[^/]+/[^/]+)"
_API = rf"/api/datasets/{_REPO}"
_REVISION = r"(?P<revision>[^/]+)"
_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]


@dataclass
class Fault:
    """The next `times` requests whose method and path match are answered with `status`."""

    status: int
    times: int
    where: str  # a regular expression, searched in "POST /api/..."
    headers: dict[str, str]
    skip: int = 0  # so many matching requests succeed first


@dataclass
class Hub:
    """The state of the server; tests look into it and commit to it directly."""

    token: str = "hf_test"
    read_token: str = "hf_read_only"
    repos: dict[str, Repository] = field(default_factory=dict)
    large_files: dict[str, bytes] = field(default_factory=dict)  # by SHA-256, as uploaded
    requests: list[str] = field(default_factory=list)  # "POST /api/repos/create"
    faults: list[Fault] = field(default_factory=list)
    before_commit: list[Callable[[], object]] = field(default_factory=list)  # each is called once
    on_request: Callable[[str], object] = lambda _called: None  # called before each request is answered
    received: list[tuple[str, int]] = field(default_factory=list)  # each file uploaded by LFS: SHA-256, bytes
    xet: Path | None = None
    files_per_commit: int = 25_000
    drop_answers: int = 0  # so many commits succeed, but their answer is lost

    def fail(self, status: int, times: int = 1, where: str = "", headers: dict[str, str] | None = None) -> None:
        """Answer the next matching requests with an error status."""
        self.faults.append(Fault(status, times, where, headers or {}))

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=_METHODS)])

    async def _answer(self, request: Request) -> Response:
        # Revisions such as refs%2Fpr%2F1 hold slashes: the path is split before it is unquoted.
        path = request.scope["raw_path"].decode().split("?")[0]
        called = f"{request.method} {path}"
        self.requests.append(called)
        self.on_request(called)
        try:
            self._inject_fault(called)
            self._check_token(request)
            return await self._dispatch(request, called)
        except RevisionNotFoundError as error:
            failed = HttpError(404, f"Invalid rev id: {error}", "RevisionNotFound")
        except HttpError as error:
            failed = error
        return JSONResponse({"error": str(failed)}, failed.status, failed.headers)

    async def _dispatch(self, request: Request, called: str) -> Response:
        for pattern, handler in _HANDLERS:
            if match := re.fullmatch(pattern, called):
                arguments: dict[str, Any] = {name: unquote(value or "") for name, value in match.groupdict().items()}
                if "repo" in arguments:
                    arguments["repo"] = self._repository(request, arguments["repo"])
                return await handler(self, request, **arguments)
        raise HttpError(404, f"no such endpoint: {called}")

    def _inject_fault(self, called: str) -> None:
        for fault in self.faults:
            if fault.times and re.search(fault.where, called):
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                raise HttpError(fault.status, STALE if fault.status == 412 else "injected", headers=fault.headers)

    def _check_token(self, request: Request) -> None:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if given and given not in (self.token, self.read_token):
            raise HttpError(401, "Invalid credentials in Authorization header")
        if (
            request.method in ("GET", "HEAD")
            or "/paths-info/" in request.url.path
            or "validate-yaml" in str(request.url)
        ):
            return
        if request.url.path.startswith("/large-files/"):
            return  # those addresses are signed
        if not given:
            raise HttpError(401, "Invalid username or password.")
        if given == self.read_token:
            raise HttpError(403, "Forbidden: you need a token with write access")

    def _repository(self, request: Request, name: str) -> Repository:
        repo = self.repos.get(name.removesuffix(".git"))
        if repo is None or (repo.private and "authorization" not in request.headers):
            raise HttpError(
                401 if "authorization" not in request.headers else 404, "Repository not found", "RepoNotFound"
            )
        return repo


_HANDLERS: list[tuple[str, Callable[..., Awaitable[Response]]]] = [
    (r"GET /api/whoami-v2", repositories.whoami),
    (r"POST /api/repos/create", repositories.create),
    (r"POST /api/validate-yaml", writing.validate_yaml),
    (rf"GET {_API}(/revision/{_REVISION})?", repositories.info),
    (rf"GET {_API}/refs", repositories.refs),
    (rf"GET {_API}/commits/{_REVISION}", repositories.commits),
    (rf"POST {_API}/tag/{_REVISION}", repositories.create_tag),
    (rf"DELETE {_API}/tag/{_REVISION}", repositories.delete_tag),
    (rf"POST {_API}/branch/{_REVISION}", repositories.create_branch),
    (rf"GET {_API}/tree/{_REVISION}(/(?P<path>.*))?", reading.tree),
    (rf"POST {_API}/paths-info/{_REVISION}", reading.paths_info),
    (rf"GET {_API}/discussions", discussions.listed),
    (rf"POST {_API}/discussions", discussions.create),
    (rf"GET {_API}/discussions/(?P<number>\d+)", discussions.details),
    (rf"POST {_API}/discussions/(?P<number>\d+)/status", discussions.set_status),
    (rf"POST {_API}/discussions/(?P<number>\d+)/merge", discussions.merge),
    (rf"GET {_API}/xet-write-token/{_REVISION}", xet_storage.write_token),
    (rf"POST {_API}/preupload/{_REVISION}", writing.preupload),
    (rf"POST {_API}/commit/{_REVISION}", writing.commit),
    (rf"POST /datasets/{_REPO}/info/lfs/objects/batch", writing.batch),
    (rf"(GET|HEAD) /datasets/{_REPO}/resolve/{_REVISION}/(?P<path>.+)", reading.resolve),
    (r"PUT /large-files/(?P<oid>\w+)", writing.put),
    (r"POST /large-files/(?P<oid>\w+)/verify", writing.verify),
]
