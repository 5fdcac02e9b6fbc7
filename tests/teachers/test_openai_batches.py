"""Single calls to the batch endpoints: what is sent, what is read, and what is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from infogap.errors import ExternalError, InputError
from infogap.teachers.batch_service import NoAnswerError
from infogap.teachers.openai import http_servers
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.openai_batches import OpenAIBatches
from servers.batches import BatchServer
from servers.serve import free_port

LABELS = {"infogap_batch": "x-00001", "infogap_sha256": "0" * 64}
Serving = Callable[[BatchServer], str]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_servers, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(http_servers, "LONGEST_WAIT", 0.01)


def service(url: str, **settings: Any) -> OpenAIBatches:
    keys = {"backend": "openai", "model": "m", "base_url": [url], "mode": "batch", "attempts": 3, "timeout": 5.0}
    return OpenAIBatches(OpenAITeacher.model_validate(keys | settings))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "input.jsonl"
    path.write_bytes(content)
    return path


def test_a_file_is_uploaded_byte_for_byte_with_the_key(
    tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = BatchServer()
    monkeypatch.setenv("SOME_KEY", "sk-of-a-test")
    content = "".join(f'{{"custom_id": "{n}", "text": "\\r\\n--é"}}\n' for n in range(20_000)).encode()
    batches = service(serving(server), api_key_env="SOME_KEY")
    file_id = batches.upload(written(tmp_path, content), "infogap-x.jsonl")
    assert server.contents[file_id] == content
    assert server.files[file_id]["filename"] == "infogap-x.jsonl"
    assert server.headers[-1]["authorization"] == "Bearer sk-of-a-test"
    assert int(server.headers[-1]["content-length"]) > len(content)  # not chunked, which some servers refuse


def test_the_key_is_needed_only_once_something_is_sent(serving: Serving) -> None:
    batches = service(serving(BatchServer()), api_key_env="NO_SUCH_VARIABLE")
    with pytest.raises(InputError, match="NO_SUCH_VARIABLE is not set"):
        batches.state("batch_0")


def test_batches_and_files_are_found_on_any_page(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    batches = service(serving(server))
    ids = [batches.upload(written(tmp_path, b"{}\n"), f"{n}.jsonl") for n in range(5)]
    made = [batches.create(file_id, {"infogap_batch": str(n)}) for n, file_id in enumerate(ids)]
    assert [batches.find_file(f"{n}.jsonl", 0) for n in range(5)] == ids
    assert batches.find_file("other.jsonl", 0) is None
    by_labels = [batches.find("unknown", {"infogap_batch": str(n)}, 0) for n in range(5)]
    assert [found and found.batch_id for found in by_labels] == [each.batch_id for each in made]
    by_file = batches.find(ids[0], LABELS, 0)
    assert by_file is not None
    assert by_file.batch_id == made[0].batch_id
    assert batches.find("unknown", LABELS, 0) is None


def test_a_search_ends_at_batches_that_are_too_old(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    batches = service(serving(server))
    for n in range(5):
        batches.create(batches.upload(written(tmp_path, b"{}\n"), f"{n}.jsonl"), LABELS | {"n": str(n)})
    server.calls.clear()
    assert batches.find("unknown", {"n": "none"}, time.time() + 60) is None
    assert len(server.calls) == 1


def test_creating_is_tried_once_and_says_whether_it_certainly_failed(serving: Serving) -> None:
    server = BatchServer()
    batches = service(serving(server))
    for status, refused in ((429, True), (500, False), (503, False)):
        server.calls.clear()
        server.before = lambda *_, status=status: JSONResponse({"error": {"message": "no"}}, status)
        with pytest.raises(NoAnswerError) as raised:
            batches.create("file-0", LABELS)
        assert raised.value.refused == refused
        assert len(server.calls) == 1


def test_no_connection_is_an_error_that_may_pass() -> None:
    with pytest.raises(NoAnswerError, match="no connection"):
        service(f"http://127.0.0.1:{free_port()}/v1").state("batch_0")


def test_a_refused_key_is_no_error_that_passes(serving: Serving) -> None:
    server = BatchServer()
    server.before = lambda *_: JSONResponse({"error": {"message": "Incorrect API key"}}, 401)
    with pytest.raises(ExternalError, match="needs a key") as raised:
        service(serving(server)).state("batch_0")
    assert not isinstance(raised.value, NoAnswerError)


def test_a_download_that_breaks_off_is_begun_again(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    server.contents["file-1"] = b"line\n" * 100_000
    broken = 2

    async def half() -> Any:
        yield b"line\n"
        raise ConnectionResetError

    def before(_method: str, _path: str, done: bool) -> Response | None:
        nonlocal broken
        if done or not broken:
            return None
        broken -= 1
        return StreamingResponse(half(), headers={"Content-Length": "500000"})

    server.before = before
    assert service(serving(server)).download("file-1", tmp_path / "output")
    assert (tmp_path / "output").read_bytes() == server.contents["file-1"]
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def test_a_file_that_is_gone_is_no_error(tmp_path: Path, serving: Serving) -> None:
    batches = service(serving(BatchServer()))
    assert not batches.download("file-7", tmp_path / "output")
    assert not (tmp_path / "output").exists()
    batches.delete("file-7")


def test_contents_kept_elsewhere_are_fetched_without_the_key(
    tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere, server = BatchServer(), BatchServer()
    elsewhere.contents["file-1"] = b"line\n"
    address = f"{serving(elsewhere)}/files/file-1/content"
    server.before = lambda *_: RedirectResponse(address)
    monkeypatch.setenv("SOME_KEY", "sk-of-a-test")
    assert service(serving(server), api_key_env="SOME_KEY").download("file-1", tmp_path / "output")
    assert "authorization" in server.headers[-1]
    assert "authorization" not in elsewhere.headers[-1]


@pytest.mark.parametrize(
    ("said", "ended", "refused"),
    [
        ({"status": "validating"}, False, None),
        ({"status": "cancelling"}, False, None),
        ({"status": "COMPLETED", "request_counts": None}, True, None),
        ({"status": "failed", "errors": None}, True, "no reason given"),
        ({"status": "failed", "errors": [{"code": "x", "message": "no", "line": 3}]}, True, "line 3: no"),
        ({"status": None, "request_counts": {"completed": "many"}, "created_at": "now"}, False, None),
    ],
)
def test_what_a_batch_says_of_itself(serving: Serving, said: dict[str, Any], ended: bool, refused: str | None) -> None:
    server = BatchServer()
    server.before = lambda *_: JSONResponse({"id": "batch_0"} | said)
    state = service(serving(server)).state("batch_0")
    assert (state.ended, state.refused, state.completed) == (ended, refused, None)


def test_invalid_json_is_asked_for_again(serving: Serving) -> None:
    server = BatchServer()
    replies = iter([Response(b"<html>"), Response(b"[]"), Response(orjson.dumps({"id": "batch_0", "status": "x"}))])
    server.before = lambda *_: next(replies)
    assert service(serving(server)).state("batch_0").status == "x"
