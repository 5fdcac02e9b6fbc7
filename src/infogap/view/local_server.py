"""The local server: the pages' files, and the run as JSON."""

from __future__ import annotations

import errno
import secrets
import socket
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import polars as pl
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from infogap.errors import ExternalError, InfogapError, InputError
from infogap.runs.run_folder import Run
from infogap.schema import TABLES
from infogap.view import PAGES
from infogap.view.request_checks import RequestChecks
from infogap.view.run_browser import RunBrowser

_HOST = "127.0.0.1"
_CHECKED_EVERY = 2.0  # seconds between looks at whether the run has changed on disk


class CurrentRun:
    """The browser of a run, read again when the run's tables have changed."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._browser = RunBrowser.open(run)
        self._state = self._on_disk()
        self._looked = time.monotonic()

    def browser(self) -> RunBrowser:
        with self._lock:
            if time.monotonic() - self._looked > _CHECKED_EVERY:
                self._refresh()
                self._looked = time.monotonic()
            return self._browser

    def _refresh(self) -> None:
        state = self._on_disk()
        if state != self._state:
            self._run = Run.open(self._run.path)
            self._browser = RunBrowser.open(self._run)
            self._state = state

    def annotate(self, trace_id: str, tag: str, note: str) -> dict[str, Any]:
        with self._lock:
            unchanged = self._on_disk() == self._state
            row = self._browser.annotate(trace_id, tag, note)
            if unchanged:  # the browser knows what it has written itself
                self._state = self._on_disk()
            return row

    def _on_disk(self) -> list[tuple[str, int, int]]:
        """Return name, size and time of every table's parts."""
        paths = [path for table in TABLES.values() for path in self._run.part_paths(table)]
        stats = [(path, path.stat()) for path in (*paths, self._run.path / "recipe.yaml")]
        return [(str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats]


def view_app(run: Run, token: str, port: int) -> Starlette:
    """Return the server's application. Raises InputError if the run has no traces, ExternalError if it is damaged."""
    current = CurrentRun(run)

    def answering(ask: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                value, status = await run_in_threadpool(ask, request), 200
            except InputError as error:
                value, status = {"error": str(error)}, 404
            except InfogapError as error:
                value, status = {"error": str(error)}, 503
            except (OSError, pl.exceptions.PolarsError) as error:  # a stage rewrites the table at this moment
                why = str(error).splitlines()[0] if str(error) else type(error).__name__
                value, status = {"error": f"a table of the run cannot be read ({why}); load the page again"}, 503
            return Response(orjson.dumps(value), status, media_type="application/json")

        return answer

    def listed(request: Request) -> Any:
        parameters, page = _without_page(request)
        return current.browser().listed(parameters, page)

    def neighbours(request: Request) -> Any:
        parameters, _ = _without_page(request)
        return current.browser().neighbours(parameters, request.path_params["id"])

    def task(request: Request) -> Any:
        return current.browser().task(request.path_params["id"])

    def task_of(request: Request) -> Any:
        return {"task_id": current.browser().task_of(request.path_params["id"])}

    def trace(request: Request) -> Any:
        return current.browser().trace(request.path_params["id"])

    def difference(request: Request) -> Any:
        return current.browser().difference(request.path_params["id"])

    def stages(_request: Request) -> Any:
        return _not_up_to_date(run)

    async def annotate(request: Request) -> Response:
        body = await request.body()
        write = answering(lambda asked: _annotated(current, asked.path_params["id"], body))
        return await write(request)

    routes = [
        Route("/api/run", answering(lambda _request: current.browser().description())),
        Route("/api/stages", answering(stages)),
        Route("/api/traces", answering(listed)),
        Route("/api/neighbours/{id}", answering(neighbours)),
        Route("/api/task/{id}", answering(task)),
        Route("/api/task-of/{id}", answering(task_of)),
        Route("/api/trace/{id}", answering(trace)),
        Route("/api/difference/{id}", answering(difference)),
        Route("/api/annotation/{id}", annotate, methods=["PUT"]),
        Mount("/", StaticFiles(directory=PAGES, html=True)),
    ]
    checks = Middleware(BaseHTTPMiddleware, dispatch=RequestChecks(token, port))
    return Starlette(routes=routes, middleware=[checks])


def _without_page(request: Request) -> tuple[list[tuple[str, str]], int]:
    """Return the parameters of a list, and its page."""
    parameters = [(name, value) for name, value in request.query_params.multi_items() if name != "page"]
    page = request.query_params.get("page", "1")
    if not page.isascii() or not page.isdigit() or not 1 <= int(page) <= 10**9:
        raise InputError(f"a page is a whole number from 1, not '{page}'")
    return parameters, int(page)


def _annotated(current: CurrentRun, trace_id: str, body: bytes) -> Any:
    try:
        sent = orjson.loads(body)
        tag, note = sent["tag"], sent["note"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        tag = note = None
    if not isinstance(tag, str) or not isinstance(note, str):
        raise InputError('an annotation is {"tag": "...", "note": "..."}')
    return current.annotate(trace_id, tag, note)


def _not_up_to_date(run: Run) -> dict[str, list[str]]:
    """Return the names of the stages that have not run, and the others that are not up to date with the reason."""
    from infogap.runs.pipeline import states

    found = states(Run.open(run.path))
    return {
        "missing": [state.stage for state in found if state.state == "missing"],
        "stale": [
            f"{state.stage} is {state.state}: {state.why[0]}" for state in found if state.why and state.rows is not None
        ],
    }


def listen(port: int) -> socket.socket:
    """Return a socket that listens on the loopback interface; port 0 takes a free one.

    Raises InputError if the port is taken or not allowed, ExternalError if the machine refuses otherwise.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            why = "is taken" if error.errno == errno.EADDRINUSE else "is not allowed"
            raise InputError(f"port {port} {why}; name another with --port, or 0 for a free one") from None
        raise ExternalError(f"cannot listen on port {port}: {error}") from error
    return listener


def serve(run: Run, port: int, opened: Callable[[str], None]) -> None:
    """Serve a run's pages until Ctrl-C. `opened` is called with the link, which has the token.

    Raises InputError if the run has no traces or the port is taken, ExternalError if a file is damaged.
    """
    import uvicorn

    token = secrets.token_urlsafe(24)
    with listen(port) as listener:
        number = int(listener.getsockname()[1])
        app = view_app(run, token, number)
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        opened(f"http://{_HOST}:{number}/?token={token}")
        try:
            uvicorn.Server(config).run(sockets=[listener])
        except KeyboardInterrupt:
            return
