"""Who may talk to the local server: the browser that opened the printed link, and no other page or machine.

The server listens on the loopback interface alone. Other users of the machine lack the token; a page of another origin
is refused by `Origin` and `Sec-Fetch-Site`, one that has rebound its name to this machine (DNS rebinding) by `Host`.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

Next = Callable[[Request], Awaitable[Response]]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Headers of every response: nothing but the server's own files is loaded, and no text becomes a script."""


class RequestChecks:
    """Checks each request before it is answered. `token` is in the printed link, then in a cookie."""

    def __init__(self, token: str, port: int) -> None:
        self._token = token
        self._cookie = f"infogap_view_{port}"  # cookies are shared by all ports of a host

    async def __call__(self, request: Request, answer: Next) -> Response:
        response = self._refusal(request) or self._entry(request) or await answer(request)
        response.headers.update(HEADERS)
        return response

    def _refusal(self, request: Request) -> Response | None:
        host = request.headers.get("host", "")
        if _name_of(host) not in _LOOPBACK:
            return _refused("this server answers to localhost only")
        origin = request.headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return _refused("requests from other pages are refused")
        if request.url.path.startswith("/api/") and request.headers.get("sec-fetch-site") == "cross-site":
            return _refused("requests from other pages are refused")
        if request.method not in ("GET", "HEAD", "PUT"):
            return PlainTextResponse("GET and PUT only", 405)
        return None

    def _entry(self, request: Request) -> Response | None:
        """Exchange the token of the link for a cookie; refuse who has neither."""
        given = request.query_params.get("token")
        if request.url.path == "/" and given is not None and self._is_token(given):
            response = RedirectResponse("/", 303)
            response.set_cookie(self._cookie, self._token, httponly=True, samesite="lax", path="/")
            return response
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self._is_token(request.cookies.get(self._cookie, "")) or self._is_token(bearer):
            return None
        return _refused("open the link that `infogap view` printed: it has a token, which is new each time")

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _refused(why: str) -> Response:
    return PlainTextResponse(f"{why}\n", 403)
