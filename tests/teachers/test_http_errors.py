"""What a server means that gives no completion."""

from __future__ import annotations

import email.utils
import time

import orjson
import pytest

from infogap.teachers.openai.http_errors import PassingError, RefusedError, UnusableError, no_completion, refusal

URL = "http://node1:8000/v1"


def refused(payload: object, status: int, **headers: str) -> Exception:
    data = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return refusal(URL, status, {name.replace("_", "-"): value for name, value in headers.items()}, data)


def error(message: str, **more: object) -> dict[str, object]:
    return {"error": {"message": message, **more}}


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_statuses_that_may_pass(status: int) -> None:
    passing = refused(error("busy"), status)
    assert isinstance(passing, PassingError)
    assert str(passing) == f"{URL} answered {status}: busy"
    assert passing.retry_after is None


@pytest.mark.parametrize("status", [400, 413, 422])
def test_statuses_that_refuse_the_request(status: int) -> None:
    refusing = refused(error("top_k is unknown"), status)
    assert isinstance(refusing, RefusedError)
    assert (str(refusing), refusing.reason) == (f"{URL} answered {status}: top_k is unknown", "error")


@pytest.mark.parametrize("status", [204, 301, 307, 401, 402, 403, 404, 405])
def test_statuses_that_no_request_passes(status: int) -> None:
    assert isinstance(refused(error("no"), status), UnusableError)


@pytest.mark.parametrize(
    ("status", "payload"),
    [
        (404, error("The model `m` does not exist.", type="NotFoundError")),
        (404, error('model "m" not found, try pulling it first')),
        (404, error("The model 'm' does not exist or you do not have access", code="model_not_found")),
        (400, error("Model Not Exist", type="invalid_request_error")),
        (400, error("Invalid model: m", type="invalid_model")),
        (422, {"detail": "Unknown model m"}),
    ],
)
def test_a_model_that_the_server_does_not_have(status: int, payload: object) -> None:
    unusable = refused(payload, status)
    assert isinstance(unusable, UnusableError)
    assert unusable.cause == "model"


@pytest.mark.parametrize(("status", "cause"), [(401, "key"), (403, "key"), (404, "path"), (402, None)])
def test_what_of_the_recipe_a_server_refuses(status: int, cause: str | None) -> None:
    unusable = refused({"detail": "Not Found"}, status)
    assert isinstance(unusable, UnusableError)
    assert unusable.cause == cause


def test_where_a_server_has_moved_is_told() -> None:
    moved = refused(b"<html>\n", 302, Location="http://node2:8000/v1")
    assert str(moved) == f"{URL} answered 302: it has moved to http://node2:8000/v1"


@pytest.mark.parametrize(
    ("status", "payload"),
    [
        (400, error("Please reduce the length of the messages.", code="context_length_exceeded")),
        (400, error("This model's maximum context length is 4096 tokens. However, your prompt contains 5000 input")),
        (400, {"object": "error", "message": "The decoder prompt (length 9) is longer than the maximum model length"}),
        (400, error("The input (61709 tokens) is longer than the model's context length (40960 tokens).")),
        (400, error("the request exceeds the available context size", type="exceed_context_size_error")),
        (500, error("the request does not fit", type="exceed_context_size_error")),
        (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000"}),
        (400, error("prompt is too long: 210000 tokens > 200000 maximum")),
    ],
)
def test_prompts_that_are_too_long_by_the_words_of_many_servers(status: int, payload: object) -> None:
    refusing = refused(payload, status)
    assert isinstance(refusing, RefusedError)
    assert refusing.reason == "too_long"


@pytest.mark.parametrize(
    "payload",
    [
        error("The response was filtered.", code="content_filter", status=400),
        error("Rejected by the safety system.", type="content_policy_violation"),
        error("filtered", code="bad", innererror={"code": "ResponsibleAIPolicyViolation"}),
    ],
)
def test_prompts_that_are_filtered(payload: object) -> None:
    refusing = refused(payload, 400)
    assert isinstance(refusing, RefusedError)
    assert refusing.reason == "filtered"


def test_a_server_out_of_memory_may_recover_whatever_it_says_of_the_context() -> None:
    assert isinstance(refused(error("cannot allocate the cache for context size 8192"), 500), PassingError)


def test_an_error_under_status_200_is_read_the_same_way() -> None:
    too_long = no_completion(URL, orjson.dumps(error("no", type="exceed_context_size_error")))
    assert isinstance(too_long, RefusedError)
    assert too_long.reason == "too_long"
    assert isinstance(no_completion(URL, b"{}"), PassingError)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        ({"error": {"message": "a"}}, "a"),
        ({"error": "a"}, "a"),
        ({"message": "a", "code": 400}, "a"),
        ({"detail": "a"}, "a"),
        ({"detail": [{"msg": "a"}]}, '{"detail":[{"msg":"a"}]}'),
        ([1], "[1]"),
        (b"plain\n text", "plain text"),
        (b"\xff", "\ufffd"),
    ],
)
def test_the_servers_words_are_found(payload: object, said: str) -> None:
    assert str(refused(payload, 400)) == f"{URL} answered 400: {said}"


def test_long_pages_are_shortened() -> None:
    assert len(str(refused(b"x" * 10_000, 400))) < 400
    assert len(str(refused(error("x" * 10_000), 400))) < 400


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("2.5", 2.5), ("-3", 0), ("soon", None), ("nan", None), ("Mon, 99 Foo 20260 99:99:99 GMT", None)],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    passing = refused({}, 429, Retry_After=value)
    assert isinstance(passing, PassingError)
    assert passing.retry_after == seconds


def test_retry_after_as_a_date() -> None:
    passing = refused({}, 503, Retry_After=email.utils.formatdate(time.time() + 100, usegmt=True))
    assert isinstance(passing, PassingError)
    assert passing.retry_after == pytest.approx(100, abs=5)
