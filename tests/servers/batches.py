"""A server with the batch endpoints of the OpenAI protocol, `/v1/files` and `/v1/batches`, and chat completions."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from servers.scripted import Body, answer_to

Line = dict[str, Any]
Answering = Callable[[Body], dict[str, Any]]
"""The body of a chat completion."""


def plain_answer(body: Body, message: dict[str, Any] | None = None) -> dict[str, Any]:
    """A chat completion with a message: by default the digest of the body, as a scripted server's."""
    message = message or {"role": "assistant", "content": answer_to(body)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"model": body["model"], "choices": [choice], "usage": {"prompt_tokens": 11, "completion_tokens": 7}}


@dataclass
class Batch:
    """A batch; `looks` counts how often its state was asked for."""

    said: dict[str, Any]
    looks: int = 0


@dataclass
class Fate:
    """What becomes of a batch: each key of `lines` is a place in its file, and its value the line to write there.

    A value of None leaves the line out, `"expire"` gives the error of an expired request; a mapping is the line itself.
    """

    status: str = "completed"
    lines: dict[int, Any] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)  # of the file, with the status `failed`
    extra: list[Line] = field(default_factory=list)  # lines that the output has besides
    lose: tuple[str, ...] = ()  # `output` or `error`: the file is named, and gone
    completed: int | None = None  # what the batch counts, if something else than its answers
    looks: int = 1  # at the batch, until it has ended


class BatchServer:
    """Answers batches after they were looked at so many times. `app` is to be served."""

    def __init__(self, answering: Answering = plain_answer, fate: Callable[[int], Fate] | None = None) -> None:
        """`fate` says what becomes of the batch of a number, from 0, in the order in which they are created."""
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.batches: dict[str, Batch] = {}
        self.paid: Counter[str] = Counter()  # answers given, by custom_id
        self.asked: Counter[str] = Counter()  # requests in batches, by custom_id
        self.deleted: list[str] = []
        self.calls: list[tuple[str, str]] = []  # method and path
        self.headers: list[dict[str, str]] = []
        # Called with method, path and whether the call has been carried out; a response takes the place of the reply.
        self.before: Callable[[str, str, bool], Response | None] = lambda *_: None
        self._answering, self.fate = answering, fate or (lambda _number: Fate())
        self._numbers, self._batch_numbers = itertools.count(), itertools.count()
        self._lock = threading.Lock()
        routes = [
            ("/v1/files", self._upload, "POST"),
            ("/v1/files", self._list_files, "GET"),
            ("/v1/files/{id}/content", self._content, "GET"),
            ("/v1/files/{id}", self._delete, "DELETE"),
            ("/v1/batches", self._create, "POST"),
            ("/v1/batches", self._list_batches, "GET"),
            ("/v1/batches/{id}", self._state, "GET"),
            ("/v1/chat/completions", self._chat, "POST"),
        ]
        self.app = Starlette(
            routes=[Route(path, self._watched(answer), methods=[method]) for path, answer, method in routes]
        )

    def _watched(self, answer: Any) -> Any:
        async def handle(request: Request) -> Response:
            place = (request.method, request.url.path)
            self.calls.append(place)
            self.headers.append(dict(request.headers))
            instead = self.before(*place, False)
            if instead is not None:
                return instead
            reply: Response = await answer(request)
            return self.before(*place, True) or reply

        return handle

    async def _upload(self, request: Request) -> Response:
        content = await request.body()
        boundary = request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
        fields: dict[str, bytes] = {}
        name = ""
        for part in content.split(b"--" + boundary)[1:-1]:
            head, _, value = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            key = head.partition(b'name="')[2].partition(b'"')[0].decode()
            fields[key] = value.removesuffix(b"\r\n")
            if b"filename=" in head:
                name = head.partition(b'filename="')[2].partition(b'"')[0].decode()
        assert fields["purpose"] == b"batch"
        return JSONResponse(self._add_file(fields["file"], name, "batch"))

    def _add_file(self, content: bytes, name: str, purpose: str) -> dict[str, Any]:
        file_id = f"file-{next(self._numbers)}"
        self.contents[file_id] = content
        self.files[file_id] = {
            "id": file_id,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": name,
            "purpose": purpose,
        }
        return self.files[file_id]

    async def _list_files(self, request: Request) -> Response:
        return self._page([self.files[each] for each in self.contents], request)

    def _page(self, entries: list[dict[str, Any]], request: Request) -> Response:
        """The newest first, two at a time."""
        newest = entries[::-1]
        after = request.query_params.get("after")
        start = 0 if after is None else [each["id"] for each in newest].index(after) + 1
        shown = newest[start : start + 2]
        return JSONResponse({"object": "list", "data": shown, "has_more": start + 2 < len(newest)})

    async def _content(self, request: Request) -> Response:
        file_id = request.path_params["id"]
        if file_id not in self.contents:
            return missing(file_id)
        return Response(self.contents[file_id])

    async def _delete(self, request: Request) -> Response:
        file_id = request.path_params["id"]
        if self.contents.pop(file_id, None) is None:
            return missing(file_id)
        self.deleted.append(file_id)
        return JSONResponse({"id": file_id, "object": "file", "deleted": True})

    async def _create(self, request: Request) -> Response:
        body = orjson.loads(await request.body())
        if body["input_file_id"] not in self.contents:
            return missing(body["input_file_id"])
        assert body["completion_window"] == "24h"
        assert all(len(key) <= 64 and len(value) <= 512 for key, value in body["metadata"].items())
        batch_id = f"batch_{next(self._batch_numbers)}"
        lines = self.contents[body["input_file_id"]].splitlines()
        counts = {"total": len(lines), "completed": 0, "failed": 0}
        self.batches[batch_id] = Batch(
            {
                "id": batch_id,
                "object": "batch",
                "status": "validating",
                "created_at": int(time.time()),
                "request_counts": counts,
                **body,
            }
        )
        return JSONResponse(self.batches[batch_id].said)

    async def _list_batches(self, request: Request) -> Response:
        return self._page([batch.said for batch in self.batches.values()], request)

    async def _state(self, request: Request) -> Response:
        batch_id = request.path_params["id"]
        if batch_id not in self.batches:
            return missing(batch_id)
        batch = self.batches[batch_id]
        batch.looks += 1
        fate = self.fate(int(batch_id.removeprefix("batch_")))
        if batch.looks > fate.looks and batch.said["status"] in ("validating", "in_progress"):
            self._end(batch.said, fate)
        elif batch.said["status"] == "validating":
            batch.said["status"] = "in_progress"
        return JSONResponse(batch.said)

    def _end(self, said: dict[str, Any], fate: Fate) -> None:
        said["status"] = fate.status
        if fate.status == "failed":
            said["errors"] = {"object": "list", "data": fate.errors}
            return
        output, errors = [], []
        for place, line in enumerate(self.contents[said["input_file_id"]].splitlines()):
            request = orjson.loads(line)
            assert set(request) == {"custom_id", "method", "url", "body"}
            assert (request["method"], request["url"]) == ("POST", "/v1/chat/completions")
            custom_id = request["custom_id"]
            self.asked[custom_id] += 1
            written = fate.lines.get(place, "answer")
            if written == "answer":
                self.paid[custom_id] += 1
                output.append(answered(custom_id, self._answering(request["body"])))
            elif written == "expire":
                error = {"code": "batch_expired", "message": "This request could not be executed before it expired."}
                errors.append({"id": "batch_req_x", "custom_id": custom_id, "response": None, "error": error})
            elif isinstance(written, dict):
                ok = written["response"] is not None and written["response"]["status_code"] == 200
                (output if ok else errors).append({"custom_id": custom_id} | written)
        completed = len(output) if fate.completed is None else fate.completed
        said["request_counts"] |= {"completed": completed, "failed": len(errors)}
        output += fate.extra
        for key, lines in (("output", output), ("error", errors)):
            if lines:
                content = b"".join(orjson.dumps(line) + b"\n" for line in reversed(lines))  # in no promised order
                said[f"{key}_file_id"] = self._add_file(content, f"{key}.jsonl", "batch_output")["id"]
                if key in fate.lose:
                    del self.contents[said[f"{key}_file_id"]]

    async def _chat(self, request: Request) -> Response:
        return JSONResponse(self._answering(orjson.loads(await request.body())))


def answered(custom_id: str, body: dict[str, Any]) -> Line:
    response = {"status_code": 200, "request_id": "req_x", "body": body}
    return {"id": "batch_req_x", "custom_id": custom_id, "response": response, "error": None}


def refused(status: int, message: str) -> Line:
    """The line of a request that was refused."""
    return {"response": {"status_code": status, "body": {"error": {"message": message}}}, "error": None}


def missing(what: str) -> Response:
    return JSONResponse({"error": {"message": f"No such object: {what}"}}, 404)
