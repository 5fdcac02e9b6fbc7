"""A chat-completions server that answers at once, in as little Python as HTTP needs: a benchmark's other end.

    python benchmarks/instant_server.py       prints its base URL, serves until it is killed

It parses just enough of HTTP/1.1 to find where a request ends (Content-Length), and always gives the same answer.
"""

from __future__ import annotations

import asyncio
import json

ANSWER = "We add the numbers one after the other. " * 12 + "The sum is \\boxed{42}."


def _reply() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 60, "completion_tokens": 120, "total_tokens": 180}
    completion = {"id": "c", "object": "chat.completion", "created": 0, "model": "instant", "choices": [choice]}
    payload = json.dumps(completion | {"usage": usage}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
    return head.encode() + payload


_MODELS = b'{"object": "list", "data": [{"id": "instant", "object": "model", "max_model_len": 32768}]}'
_MODELS_REPLY = (
    f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(_MODELS)}\r\n\r\n".encode() + _MODELS
)


class InstantServer(asyncio.Protocol):
    """One connection."""

    REPLY = _reply()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        while (end := received.find(b"\r\n\r\n")) >= 0:
            if received.startswith(b"GET"):
                self._transport.write(_MODELS_REPLY)
                received = received[end + 4 :]
                continue
            head = received[:end].lower()
            at = head.index(b"content-length:") + 15
            stop = head.find(b"\r\n", at)
            whole = end + 4 + int(head[at : stop if stop >= 0 else end])
            if len(received) < whole:
                break
            self._transport.write(self.REPLY)
            received = received[whole:]
        self._received = received


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(InstantServer, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}/v1", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
