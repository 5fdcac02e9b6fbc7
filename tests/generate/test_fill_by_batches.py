"""Generation by batches against a server that speaks the protocol: what goes wrong there, and what comes of it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from starlette.responses import JSONResponse, Response

from generate.batched import make_run, shorten_waits, traces
from infogap.errors import ExternalError, StoppedError
from infogap.generate import STAGE
from infogap.generate.batch_records import BatchFolder
from infogap.generate.generate_traces import forget_failed
from infogap.generate.trace_store import answered as answered_on_disk
from servers.batches import BatchServer, Fate, Line, answered, plain_answer, refused

Serving = Callable[[BatchServer], str]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_waits(monkeypatch)


def test_files_are_deleted_at_the_provider_and_here_once_collected(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    run = make_run(tmp_path, serving(server))
    STAGE.make(run)
    assert server.contents == {}
    assert len(server.deleted) == 6
    assert not list((run.path / "batches").glob("*.jsonl"))
    assert not list((run.path / "traces" / "cache").glob("*"))


def test_every_step_is_noted_before_the_next(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    run = make_run(tmp_path, serving(server))
    records = BatchFolder(run.path)

    def before(method: str, path: str, done: bool) -> Response | None:
        if not done and (method, path) == ("POST", "/v1/files"):
            assert records.records()[-1].file_id is None
        if not done and (method, path) == ("POST", "/v1/batches"):
            assert records.records()[-1].file_id is not None
        if method == "DELETE":
            assert records.records()[0].stage == "collected"
        return None

    server.before = before
    STAGE.make(run)
    first = records.records()[0]
    assert server.batches[first.batch_id or ""].said["metadata"] == first.labels
    assert [record.stage for record in records.records()] == ["collected"] * 3


def test_expired_requests_are_sent_again_together(tmp_path: Path, serving: Serving) -> None:
    fates = [Fate("expired", {0: "expire", 2: "expire"}), Fate("expired", {1: "expire"}), Fate(looks=4)]
    server = BatchServer(fate=lambda number: fates[number] if number < 3 else Fate())
    run = make_run(tmp_path, serving(server))
    STAGE.make(run)
    assert [batch.said["request_counts"]["total"] for batch in server.batches.values()] == [4, 4, 2, 3]
    assert set(server.paid.values()) == {1}
    assert traces(run)["error"].null_count() == 10


def test_a_request_is_sent_as_often_as_attempts_allow(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(fate=lambda number: Fate("expired", {0: "expire"}) if number in (0, 3, 4) else Fate())
    run = make_run(tmp_path, serving(server))
    outcome = STAGE.make(run)
    assert len(server.batches) == 5
    assert max(server.asked.values()) == 3
    (error,) = traces(run)["error"].drop_nulls()
    assert error.startswith("the batch gives an error: batch_expired")
    assert error.endswith("(3 attempts)")
    assert outcome.counts["failed"] == 1

    assert forget_failed(run) == 1
    STAGE.make(run)
    assert len(server.batches) == 6
    assert traces(run)["error"].null_count() == 10
    assert set(server.paid.values()) == {1}


def test_missing_lines_are_sent_again(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(fate=lambda number: Fate(lines={1: None, 3: None}) if number == 0 else Fate())
    run = make_run(tmp_path, serving(server))
    STAGE.make(run)
    assert len(server.batches) == 4
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize(
    ("line", "reason", "sent"),
    [
        (refused(400, "The prompt is wrong."), "error", 1),
        (refused(400, "This model's maximum context length is 10 tokens."), "too_long", 1),
        (refused(500, "out of order"), "error", 3),
        (refused(429, "slow down"), "error", 3),
        (refused(200, "an error in place of an answer"), "error", 3),
        ({"response": None, "error": {"code": "content_filter", "message": "no"}}, "filtered", 1),
        ({"response": None, "error": None}, "error", 3),
    ],
    ids=["refused", "too-long", "500", "429", "error-in-200", "filtered", "nothing"],
)
def test_a_failed_line_is_what_the_same_failure_is_live(
    tmp_path: Path, serving: Serving, line: Line, reason: str, sent: int
) -> None:
    server = BatchServer(fate=lambda number: Fate(lines={0: line}) if number in (0, 3, 4) else Fate())
    run = make_run(tmp_path, serving(server))
    STAGE.make(run)
    failed = traces(run).filter(pl.col("error").is_not_null())
    assert failed["finish_reason"].to_list() == [reason]
    assert max(server.asked.values()) == sent


def test_a_teacher_that_refuses_everything_is_asked_everything_again(tmp_path: Path, serving: Serving) -> None:
    nothing = Fate(lines=dict.fromkeys(range(4), refused(400, "no")))
    server = BatchServer(fate=lambda number: nothing if number < 3 else Fate())
    run = make_run(tmp_path, serving(server))
    with pytest.raises(ExternalError, match=r"every request failed \(most often, 10 times: the batch answered 400: no"):
        STAGE.make(run)
    STAGE.make(run)
    assert set(server.paid.values()) == {1}
    assert traces(run)["error"].null_count() == 10


def test_a_refused_file_ends_the_command_and_is_sent_again_by_the_next(tmp_path: Path, serving: Serving) -> None:
    problem = {"code": "invalid_json_line", "line": 2, "message": "This line is not parseable as valid JSON."}
    server = BatchServer(fate=lambda number: Fate("failed", errors=[problem]) if number == 0 else Fate())
    run = make_run(tmp_path, serving(server))
    with pytest.raises(ExternalError, match=r"refused batch batch_0: line 2: This line .*nothing of it was answered"):
        STAGE.make(run)
    assert len(server.paid) == 6  # of the two other batches
    STAGE.make(run)
    assert set(server.paid.values()) == {1}
    assert server.contents == {}


def test_a_full_queue_waits_for_the_batches_before(tmp_path: Path, serving: Serving) -> None:
    full = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]
    fates = {0: Fate(looks=3), 1: Fate("failed", errors=full), 2: Fate("failed", errors=full)}
    server = BatchServer(fate=lambda number: fates.get(number, Fate()))
    run = make_run(tmp_path, serving(server))
    STAGE.make(run)
    assert [batch.said["status"] for batch in server.batches.values()] == [
        "completed",
        *["failed"] * 2,
        *["completed"] * 2,
    ]
    assert set(server.paid.values()) == {1}


def test_a_queue_that_is_full_of_others_is_an_error(tmp_path: Path, serving: Serving) -> None:
    full = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]
    server = BatchServer(fate=lambda _number: Fate("failed", errors=full))
    with pytest.raises(ExternalError, match=r"Enqueued token limit reached.; lower `batch.requests`"):
        STAGE.make(make_run(tmp_path, serving(server)))


def test_a_cancelled_batch_ends_the_command_and_keeps_what_was_answered(tmp_path: Path, serving: Serving) -> None:
    cancelled = Fate("cancelled", {2: None, 3: None})
    server = BatchServer(fate=lambda number: cancelled if number == 1 else Fate())
    run = make_run(tmp_path, serving(server))
    with pytest.raises(ExternalError, match="batch_1 was cancelled at the provider"):
        STAGE.make(run)
    assert answered_on_disk(run.path / "traces") == (8, 10)
    assert len(server.batches) == 3
    STAGE.make(run)
    assert len(server.batches) == 4
    assert set(server.paid.values()) == {1}


def test_lost_answers_are_failures_that_only_the_user_sends_again(tmp_path: Path, serving: Serving) -> None:
    lost = Fate("expired", {0: "expire"}, lose=("output",))
    server = BatchServer(fate=lambda number: lost if number == 0 else Fate())
    run = make_run(tmp_path, serving(server))
    outcome = STAGE.make(run)
    assert outcome.counts["failed"] == 3
    assert set(traces(run)["error"].drop_nulls()) == {"answered in a batch whose file the provider no longer has"}
    assert set(server.paid.values()) == {1}
    assert server.contents  # what is left of the batch stays, as evidence
    assert forget_failed(run) == 3
    STAGE.make(run)
    assert traces(run)["error"].null_count() == 10
    assert sorted(server.paid.values()) == [1] * 7 + [2] * 3


def test_a_file_with_fewer_lines_than_answers_has_lost_some(tmp_path: Path, serving: Serving) -> None:
    short = Fate(lines={0: None, 1: None}, completed=4)
    server = BatchServer(fate=lambda number: short if number == 0 else Fate())
    run = make_run(tmp_path, serving(server))
    outcome = STAGE.make(run)
    assert outcome.counts["failed"] == 2
    assert len(server.batches) == 3
    assert any("2 requests whose answers the provider no longer has" in note for note in outcome.notes)


def test_lost_errors_are_requests_without_a_line(tmp_path: Path, serving: Serving) -> None:
    lost = Fate("expired", {0: "expire", 1: "expire"}, lose=("error",))
    server = BatchServer(fate=lambda number: lost if number == 0 else Fate())
    run = make_run(tmp_path, serving(server))
    STAGE.make(run)
    assert set(server.paid.values()) == {1}
    assert traces(run)["error"].null_count() == 10


def test_unknown_and_repeated_lines_are_counted_and_kept_at_the_provider(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    url = serving(server)
    plain = make_run(tmp_path / "plain", url)
    STAGE.make(plain)
    first = traces(plain)["trace_id"][0]
    odd = [answered("nobody", {}), answered(first, plain_answer({"model": "other"}))]
    other = BatchServer(fate=lambda number: Fate(extra=odd) if number == 0 else Fate())
    run = make_run(tmp_path / "odd", serving(other))
    (note,) = (note for note in STAGE.make(run).notes if "lines" in note)
    assert "1 lines that belong to none of its requests, 1 further lines of a request that has one" in note
    assert "its files stay at the provider" in note
    assert len(other.contents) == 2
    assert traces(run).height == 10
    assert set(server.paid.values()) == {1}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("place", [("POST", "/v1/files"), ("POST", "/v1/batches"), ("GET", "/v1/batches/batch_0")])
@pytest.mark.parametrize("done", [False, True])
def test_failures_of_the_service_that_pass(
    tmp_path: Path, serving: Serving, status: int, place: tuple[str, str], done: bool
) -> None:
    """`done`: the server does what it was asked to do, and its reply is lost."""
    server = BatchServer()
    failures = 2

    def before(method: str, path: str, after: bool) -> Response | None:
        nonlocal failures
        if (method, path) == place and after == done and failures and not (done and status == 429):
            failures -= 1
            return JSONResponse({"error": {"message": "out of order"}}, status)
        return None

    server.before = before
    run = make_run(tmp_path, serving(server))
    STAGE.make(run)
    assert set(server.paid.values()) == {1}
    assert len(server.batches) == 3


def test_a_service_without_batches_says_so(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    server.before = lambda *_: JSONResponse({"error": {"message": "Not Found"}}, 404)
    with pytest.raises(ExternalError, match="it has no batches; remove `mode: batch`"):
        STAGE.make(make_run(tmp_path, serving(server)))


def test_a_batch_that_the_provider_does_not_know_is_not_sent_again_unasked(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=1))
    run = make_run(tmp_path, serving(server))
    with pytest.raises(StoppedError):
        STAGE.make(replace(run, wait=False))
    del server.batches["batch_1"]
    with pytest.raises(
        ExternalError, match=r"does not know the batch batch_1; .* remove (\S+), and its 4 requests"
    ) as error:
        STAGE.make(run)
    assert len(server.batches) == 2
    path = re.findall(r"remove (\S+),", str(error.value))[0]
    Path(path).unlink()
    STAGE.make(run)
    assert traces(run).height == 10
    assert set(server.paid.values()) == {1}


def test_a_provider_that_lists_nothing_leaves_the_question_to_the_user(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    lists = False

    def before(method: str, path: str, done: bool) -> Response | None:
        if (method, path) == ("GET", "/v1/batches") and not lists:
            return JSONResponse({"error": {"message": "Not Found"}}, 404)
        if (method, path, done) == ("POST", "/v1/batches", True) and len(server.batches) == 1:
            return JSONResponse({"error": {"message": "out of order"}}, 500)
        return None

    server.before = before
    run = make_run(tmp_path, serving(server))
    for _ in range(2):
        with pytest.raises(ExternalError, match=r"it does not list its batches, so it is not known .* write its id as"):
            STAGE.make(run)
    assert len(server.batches) == 1
    (record,) = BatchFolder(run.path).in_flight()
    BatchFolder(run.path).write(replace(record, batch_id="batch_0"))
    STAGE.make(run)
    assert set(server.paid.values()) == {1}
