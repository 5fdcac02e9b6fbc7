"""Several servers that serve the same model: which one is asked next."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass

LEFT_OUT_SECONDS = 30.0  # how long a server that refused a connection is left alone


@dataclass(eq=False)
class Server:
    """One server, and what is known of it."""

    url: str  # up to and including /v1, without a slash at its end
    in_flight: int = 0
    asked: int = 0
    left_out_until: float = 0.0  # time.monotonic(); 0 while it answers


class Fleet:
    """The servers, by how busy they are. One that cannot be reached is tried again from time to time."""

    def __init__(self, urls: Sequence[str]) -> None:
        self.servers = [Server(url.rstrip("/")) for url in urls]

    def choose(self, tried: Collection[Server] = (), failed: Collection[Server] = ()) -> Server | None:
        """The server with the fewest requests in flight, besides those in `tried`; None where all were.

        Servers in `failed` come after others, and those that are left out come last. When a server's
        time is over, a single request tries it.
        """
        now = time.monotonic()
        untried = [server for server in self.servers if server not in tried]
        candidates = [server for server in untried if server.left_out_until <= now] or untried
        if not candidates:
            return None
        server = min(candidates, key=lambda server: (server in failed, server.in_flight, server.asked))
        server.asked += 1
        if server.left_out_until:
            self.leave_out(server)
        return server

    def leave_out(self, server: Server) -> None:
        """The server could not be reached."""
        server.left_out_until = time.monotonic() + LEFT_OUT_SECONDS

    def take_back(self, server: Server) -> None:
        """The server can be reached."""
        server.left_out_until = 0.0

    def __str__(self) -> str:
        return ", ".join(server.url for server in self.servers)
