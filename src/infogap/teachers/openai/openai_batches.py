"""The batch endpoints of the OpenAI protocol: `/files` and `/batches`.

As OpenAI documents them in 2026, a file of purpose `batch` holds up to 50,000 requests of one endpoint in up to 200 MB.
A batch is `validating`, `in_progress` and `finalizing` before it is `completed`, `expired`, `cancelled` or, if its file
was not accepted, `failed`. Expired and cancelled ones have answers to a part of their requests. Up to 16 labels
(`metadata`) stay with a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from infogap.atomic_files import whole_file
from infogap.errors import ExternalError
from infogap.teachers.base import Completion, Request
from infogap.teachers.batch_service import BatchState, NoAnswerError, NoSuchBatchError
from infogap.teachers.openai import batch_lines
from infogap.teachers.openai.batch_calls import AbsentError, BatchEndpoints, Call, json_object, next_chunk
from infogap.teachers.openai.http_errors import shortened
from infogap.teachers.openai.openai_backend import OpenAITeacher

_ENDED = {"completed", "failed", "expired", "cancelled"}
_ABSENT = frozenset({404, 410})
_NO_SUCH_PATH = frozenset({404, 405, 501})
_PAGE = 100  # batches or files in a list, the most that OpenAI gives at once
_PURPOSE = "batch"
_QUEUE_FULL = "token_limit_exceeded"


class OpenAIBatches:
    """Batches of one server. Sends nothing, and does not need the key, before the first call."""

    def __init__(self, settings: OpenAITeacher) -> None:
        self.most_requests = settings.batch_limits.requests
        self.most_bytes = int(settings.batch_limits.megabytes * 1e6)
        self.attempts = settings.attempts
        self._settings = settings
        self._endpoints = BatchEndpoints(settings)
        self.server = self._endpoints.server

    def line(self, request: Request) -> bytes:
        return batch_lines.line_of(self._settings, request)

    def request_in(self, line: bytes) -> Request:
        return batch_lines.request_in(line)

    def id_in(self, answer: bytes) -> str | None:
        return batch_lines.id_in(answer)

    def read(self, request: Request, answer: bytes) -> Completion:
        return batch_lines.read(self._settings, request, answer)

    def upload(self, file: Path, name: str) -> str:
        def form() -> tuple[Any, dict[str, str]]:
            parts = aiohttp.MultipartWriter("form-data")
            parts.append(_PURPOSE).set_content_disposition("form-data", name="purpose")
            content = parts.append(file.open("rb"), {"Content-Type": "application/jsonl"})
            content.set_content_disposition("form-data", name="file", filename=name)
            return parts, {"Content-Type": parts.headers["Content-Type"]}

        try:
            return _id_of(
                self._endpoints.request(
                    Call("POST", "files", json_object, form, may_be_absent=_NO_SUCH_PATH, of_file=True)
                )
            )
        except AbsentError as error:
            raise ExternalError(f"{error}: it has no batches; remove `mode: batch` from the teacher") from None

    def find_file(self, name: str, since: float) -> str | None:
        query = {"purpose": _PURPOSE, "limit": str(_PAGE)}
        try:
            for each in self._listed("files", query, lambda last: _time(last) >= since):
                if each.get("filename") == name:
                    return _id_of(each)
        except AbsentError:
            pass
        return None

    def create(self, file_id: str, labels: Mapping[str, str]) -> BatchState:
        body = {
            "input_file_id": file_id,
            "endpoint": batch_lines.ENDPOINT,
            "completion_window": self._settings.batch_limits.window,
            "metadata": dict(labels),
        }
        call = Call(
            "POST", "batches", json_object, lambda: (orjson.dumps(body), {}), may_be_absent=_NO_SUCH_PATH, once=True
        )
        try:
            return _state(self._endpoints.request(call))
        except AbsentError as error:
            raise ExternalError(f"{error}: it has no batches; remove `mode: batch` from the teacher") from None

    def find(self, file_id: str, labels: Mapping[str, str], since: float) -> BatchState | None:
        try:
            for each in self._listed("batches", {"limit": str(_PAGE)}, lambda last: _time(last) >= since):
                metadata = each.get("metadata")
                labelled = isinstance(metadata, dict) and labels.items() <= metadata.items()
                if labelled or each.get("input_file_id") == file_id:
                    return _state(each)
        except AbsentError as error:
            raise ExternalError(f"{error}: it does not list its batches") from None
        return None

    def state(self, batch_id: str) -> BatchState:
        try:
            return _state(
                self._endpoints.request(Call("GET", f"batches/{batch_id}", json_object, may_be_absent=_ABSENT))
            )
        except AbsentError as error:
            raise NoSuchBatchError(f"{error}: it does not know the batch {batch_id}") from None

    def download(self, file_id: str, to: Path) -> bool:
        async def save(reply: aiohttp.ClientResponse) -> None:
            with whole_file(to) as temporary, temporary.open("wb") as file:
                while chunk := await next_chunk(reply):
                    file.write(chunk)

        try:
            self._endpoints.request(
                Call("GET", f"files/{file_id}/content", save, may_be_absent=_ABSENT, of_file=True, redirects=True)
            )
        except AbsentError:
            return False
        return True

    def delete(self, file_id: str) -> None:
        try:
            self._endpoints.request(Call("DELETE", f"files/{file_id}", json_object, may_be_absent=_NO_SUCH_PATH))
        except AbsentError:
            return

    def _listed(
        self, path: str, query: dict[str, str], goes_on: Callable[[dict[str, Any]], bool]
    ) -> list[dict[str, Any]]:
        """Return the entries of a list, the newest first, page by page until one ends with an entry of no interest."""
        entries: list[dict[str, Any]] = []
        while True:
            page = self._endpoints.request(Call("GET", path, json_object, query=query, may_be_absent=_NO_SUCH_PATH))
            listed = [each for each in page.get("data") or [] if isinstance(each, dict)]
            entries += listed
            if not page.get("has_more") or not listed or not goes_on(listed[-1]):
                return entries
            query = query | {"after": str(listed[-1].get("id"))}


def _id_of(said: dict[str, Any]) -> str:
    if not isinstance(said.get("id"), str):
        raise NoAnswerError(f"the server sent an object without an id: {shortened(str(said))}")
    return str(said["id"])


def _state(said: dict[str, Any]) -> BatchState:
    """Read a batch object; what is missing or of another type counts as not stated."""
    status = str(said.get("status") or "unknown").lower()
    problems = _problems(said)
    given = said.get("request_counts")
    counts: dict[str, Any] = given if isinstance(given, dict) else {}
    return BatchState(
        batch_id=_id_of(said),
        status=status,
        ended=status in _ENDED,
        refused=("; ".join(words for _, words in problems) or "no reason given") if status == "failed" else None,
        queue_full=status == "failed" and any(code == _QUEUE_FULL for code, _ in problems),
        cancelled=status == "cancelled",
        total=_count(counts.get("total")),
        completed=_count(counts.get("completed")),
        failed=_count(counts.get("failed")),
        output_file=said.get("output_file_id") or None,
        error_file=said.get("error_file_id") or None,
        created_at=_time(said) or None,
    )


def _problems(said: dict[str, Any]) -> list[tuple[str, str]]:
    """Return why a file was not accepted: code and words of each error, the first few."""
    errors = said.get("errors")
    listed = errors.get("data") if isinstance(errors, dict) else errors
    problems = []
    for each in (listed if isinstance(listed, list) else [])[:3]:
        if isinstance(each, dict):
            line = f"line {each['line']}: " if each.get("line") else ""
            problems.append((str(each.get("code")), shortened(f"{line}{each.get('message') or each.get('code')}")))
    return problems


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _time(said: dict[str, Any]) -> float:
    """Return when an object was created, as time.time(); 0 if the server does not say."""
    value = said.get("created_at")
    return float(value) if isinstance(value, int | float) else 0.0
