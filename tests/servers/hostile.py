"""A chat-completions server that fails in every way that servers fail, in a process of its own.

    python -m servers.hostile LOG

Prints its base URL and serves until it is killed. What it does to a request follows from the request's seed and from
how often it came, so that a run can be repeated. Every seed that it answers with status 200 and a whole reply is a
line of the file LOG. Built on sockets alone: web frameworks do not let a connection be cut in the middle of a reply.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

# What happens to how many requests, each time that they come.
FAULTS = {"busy": 0.10, "error": 0.05, "hang": 0.05, "reset": 0.05, "invalid": 0.02, "empty": 0.01}


def doom(seed: int) -> str | None:
    """What happens to a request whenever it comes: one in a hundred each is too long, filtered, or never answered."""
    return {0: "too_long", 1: "filtered", 2: "error"}.get(seed % 100)


def fault(seed: int, before: int) -> str | None:
    """What happens to a request that came `before` times; None where it is answered."""
    chance = random.Random(f"{seed}/{before}").random()
    for name, share in FAULTS.items():
        chance -= share
        if chance < 0:
            return name
    return None


def reply(payload: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(payload)}", *headers)
    return "\r\n".join((*lines, "", "")).encode() + payload


def completion(content: str, reason: str) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": reason}
    return orjson.dumps({"choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 7}})


def error(message: str) -> bytes:
    return orjson.dumps({"error": {"message": message}})


class HostileServer(asyncio.Protocol):
    """One connection; it takes one request after the other."""

    def __init__(self, log: Path, came: Counter[int]) -> None:
        """`came` counts how often each seed came, over all connections."""
        self._log = log
        self._came = came

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, ended, rest = self._received.partition(b"\r\n\r\n")
        if not ended:
            return
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        length = int(lengths[0].partition(b":")[2]) if lengths else 0
        if len(rest) < length:
            return
        self._received = rest[length:]
        if length:
            self._ask(orjson.loads(rest[:length]))
        else:
            self._transport.write(reply(error("not found"), "404 Not Found"))

    def _ask(self, body: dict[str, Any]) -> None:
        seed = body["seed"]
        what = doom(seed) or fault(seed, self._came[seed])
        self._came[seed] += 1
        whole = reply(completion(f"answer to {body['messages'][0]['content']} with {seed}", "stop"))
        match what:
            case None:
                with self._log.open("a") as log:
                    log.write(f"{seed}\n")
                self._transport.write(whole)
            case "busy":
                self._transport.write(reply(error("slow down"), "429 Too Many Requests", "Retry-After: 0.1"))
            case "error":
                self._transport.write(reply(error("out of order"), "500 Internal Server Error"))
            case "hang":
                pass
            case "reset":
                self._transport.write(whole[:-20])
                asyncio.get_running_loop().call_later(0.01, self._transport.abort)
            case "invalid":
                self._transport.write(reply(b'{"choices": [{"mess'))
            case "empty":
                self._transport.write(reply(b""))
            case "too_long":
                said = error("This model's maximum context length is 10 tokens.")
                self._transport.write(reply(said, "400 Bad Request"))
            case "filtered":
                self._transport.write(reply(completion("", "content_filter")))


async def main(log: Path) -> None:
    came: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HostileServer(log, came), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
