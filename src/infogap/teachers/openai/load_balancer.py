"""Choose among servers that serve the same model."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from infogap.console import say

LEFT_OUT_SECONDS = 30.0  # between two attempts to use a server that cannot be used
FAILURES_IN_A_ROW = 16  # of one server, until it is left out


@dataclass(eq=False)
class Server:
    """One server and its state."""

    url: str  # up to and including /v1, without a slash at its end
    in_flight: int = 0
    chosen: int = 0  # times
    failures: int = 0  # since its last answer
    left_out_until: float = 0.0  # time.monotonic(); 0 while it answers


class Fleet:
    """The servers of a model. One that cannot be used is tried again from time to time."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.servers = [Server(url.rstrip("/")) for url in urls]

    def choose(self, tried: Collection[Server] = (), failed: Collection[Server] = ()) -> Server | None:
        """Choose the server with the fewest requests in flight, except those in `tried`; None if all were tried.

        Servers in `failed` come after others, and those that are left out come last. When a server has been left out
        long enough, a single request tries it.
        """
        now = time.monotonic()
        untried = [server for server in self.servers if server not in tried]
        candidates = [server for server in untried if server.left_out_until <= now] or untried
        if not candidates:
            return None
        server = min(candidates, key=lambda server: (server in failed, server.in_flight, server.chosen))
        server.chosen += 1
        if server.left_out_until:
            server.left_out_until = now + LEFT_OUT_SECONDS
        return server

    def unreachable(self, server: Server, why: str) -> None:
        """Note that there is no connection. Earlier failures do not count against the server once it is back."""
        server.failures = 0
        self._leave_out(server, why)

    def unusable(self, server: Server, why: str) -> None:
        """Note that the server accepts no request at all."""
        server.failures = FAILURES_IN_A_ROW
        self._leave_out(server, why)

    def connected(self, server: Server) -> None:
        """Note that the server accepts connections: it is back, minutes before it answers."""
        if not server.failures:
            self._take_back(server)

    def failed(self, server: Server, why: str) -> None:
        """Note that the server accepted a request and did not answer. A hanging one would collect requests."""
        server.failures += 1
        if server.failures >= FAILURES_IN_A_ROW:
            self._leave_out(server, why)

    def answered(self, server: Server) -> None:
        """Note that the server works."""
        server.failures = 0
        self._take_back(server)

    def _leave_out(self, server: Server, why: str) -> None:
        if not server.left_out_until and len(self.servers) > 1:
            say(f"{server.url} is left out, and tried again every {LEFT_OUT_SECONDS:g} s: {why}", style="yellow")
        server.left_out_until = time.monotonic() + LEFT_OUT_SECONDS

    def _take_back(self, server: Server) -> None:
        if server.left_out_until and len(self.servers) > 1:
            say(f"{server.url} is back")
        server.left_out_until = 0.0

    def __str__(self) -> str:
        return ", ".join(server.url for server in self.servers)
