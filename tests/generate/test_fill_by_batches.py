"""Generation by batches against a server that speaks the protocol: what goes wrong there, and what comes of it."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from starlette.responses import JSONResponse, Response

from generate.batched import make_run, tables, traces
from infogap.errors import ExternalError, InputError, StoppedError
from infogap.generate import STAGE, forget_failed, teacher_batches
from infogap.generate import batch_sending as sending
from infogap.generate import batch_waiting as waiting
from infogap.generate.batch_records import BatchFolder
from infogap.generate.generation_cost import cost
from infogap.generate.trace_store import answered as answered_on_disk
from infogap.recipe.teacher_section import Sampling
from infogap.runs.budget import Budget
from infogap.teachers import Request
from infogap.teachers.embedded.embedded_teacher import EmbeddedModel
from infogap.teachers.openai import http_servers
from servers.batches import BatchServer, Fate, Line, answered, plain_answer, refused
from servers.scripted import Body
from servers.serve import serve

Serving = Callable[[BatchServer], str]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (http_servers, "FIRST_WAIT"),
        (http_servers, "LONGEST_WAIT"),
        (waiting, "FIRST_WAIT"),
        (sending, "FIRST_WAIT"),
    ):
        monkeypatch.setattr(module, name, 0.01)


@pytest.fixture
def serving_batches() -> Iterator[Serving]:
    with ExitStack() as stack:
        yield lambda server: f"{stack.enter_context(serve(server.app))}/v1"


def test_batches_give_the_tables_that_live_requests_give(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer()
    url = serving_batches(server)
    batched, live = make_run(tmp_path / "batched", url), make_run(tmp_path / "live", url, mode="live")
    assert STAGE.part(batched) == STAGE.part(live)
    outcome = STAGE.make(batched)
    assert [len(batch.said["metadata"]) for batch in server.batches.values()] == [2, 2, 2]
    assert [batch.said["request_counts"]["total"] for batch in server.batches.values()] == [4, 4, 2]
    assert not any(path.endswith("chat/completions") for _, path in server.calls)
    assert outcome.rows == 10
    in_batches = {"in_batches": {"m": {"prompt_tokens": 110, "completion_tokens": 70}}}
    assert outcome.counts == STAGE.make(live).counts | in_batches
    assert tables(batched) == tables(live)
    assert set(server.paid.values()) == {1}


def test_files_are_deleted_at_the_provider_and_here_once_collected(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer()
    run = make_run(tmp_path, serving_batches(server))
    STAGE.make(run)
    assert server.contents == {}
    assert len(server.deleted) == 6
    assert not list((run.path / "batches").glob("*.jsonl"))
    assert not list((run.path / "traces" / "cache").glob("*"))


def test_every_step_is_noted_before_the_next(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer()
    run = make_run(tmp_path, serving_batches(server))
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


def test_expired_requests_are_sent_again_together(tmp_path: Path, serving_batches: Serving) -> None:
    fates = [Fate("expired", {0: "expire", 2: "expire"}), Fate("expired", {1: "expire"}), Fate(looks=4)]
    server = BatchServer(fate=lambda number: fates[number] if number < 3 else Fate())
    run = make_run(tmp_path, serving_batches(server))
    STAGE.make(run)
    assert [batch.said["request_counts"]["total"] for batch in server.batches.values()] == [4, 4, 2, 3]
    assert set(server.paid.values()) == {1}
    assert traces(run)["error"].null_count() == 10


def test_a_request_is_sent_as_often_as_attempts_allow(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer(fate=lambda number: Fate("expired", {0: "expire"}) if number in (0, 3, 4) else Fate())
    run = make_run(tmp_path, serving_batches(server))
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


def test_missing_lines_are_sent_again(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer(fate=lambda number: Fate(lines={1: None, 3: None}) if number == 0 else Fate())
    run = make_run(tmp_path, serving_batches(server))
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
    tmp_path: Path, serving_batches: Serving, line: Line, reason: str, sent: int
) -> None:
    server = BatchServer(fate=lambda number: Fate(lines={0: line}) if number in (0, 3, 4) else Fate())
    run = make_run(tmp_path, serving_batches(server))
    STAGE.make(run)
    failed = traces(run).filter(pl.col("error").is_not_null())
    assert failed["finish_reason"].to_list() == [reason]
    assert max(server.asked.values()) == sent


def test_a_refused_file_ends_the_command_and_is_sent_again_by_the_next(
    tmp_path: Path, serving_batches: Serving
) -> None:
    problem = {"code": "invalid_json_line", "line": 2, "message": "This line is not parseable as valid JSON."}
    server = BatchServer(fate=lambda number: Fate("failed", errors=[problem]) if number == 0 else Fate())
    run = make_run(tmp_path, serving_batches(server))
    with pytest.raises(ExternalError, match=r"refused batch batch_0: line 2: This line .*nothing of it was answered"):
        STAGE.make(run)
    assert len(server.paid) == 6  # of the two other batches
    STAGE.make(run)
    assert set(server.paid.values()) == {1}
    assert server.contents == {}


def test_a_full_queue_waits_for_the_batches_before(tmp_path: Path, serving_batches: Serving) -> None:
    full = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]
    fates = {0: Fate(looks=3), 1: Fate("failed", errors=full), 2: Fate("failed", errors=full)}
    server = BatchServer(fate=lambda number: fates.get(number, Fate()))
    run = make_run(tmp_path, serving_batches(server))
    STAGE.make(run)
    assert [batch.said["status"] for batch in server.batches.values()] == [
        "completed",
        *["failed"] * 2,
        *["completed"] * 2,
    ]
    assert set(server.paid.values()) == {1}


def test_a_queue_that_is_full_of_others_is_an_error(tmp_path: Path, serving_batches: Serving) -> None:
    full = [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]
    server = BatchServer(fate=lambda _number: Fate("failed", errors=full))
    with pytest.raises(ExternalError, match=r"Enqueued token limit reached.; lower `batch.requests`"):
        STAGE.make(make_run(tmp_path, serving_batches(server)))


def test_a_cancelled_batch_ends_the_command_and_keeps_what_was_answered(
    tmp_path: Path, serving_batches: Serving
) -> None:
    cancelled = Fate("cancelled", {2: None, 3: None})
    server = BatchServer(fate=lambda number: cancelled if number == 1 else Fate())
    run = make_run(tmp_path, serving_batches(server))
    with pytest.raises(ExternalError, match="batch_1 was cancelled at the provider"):
        STAGE.make(run)
    assert answered_on_disk(run.path / "traces") == (8, 10)
    assert len(server.batches) == 3
    STAGE.make(run)
    assert len(server.batches) == 4
    assert set(server.paid.values()) == {1}


def test_lost_answers_are_failures_that_only_the_user_sends_again(tmp_path: Path, serving_batches: Serving) -> None:
    lost = Fate("expired", {0: "expire"}, lose=("output",))
    server = BatchServer(fate=lambda number: lost if number == 0 else Fate())
    run = make_run(tmp_path, serving_batches(server))
    outcome = STAGE.make(run)
    assert outcome.counts["failed"] == 3
    assert set(traces(run)["error"].drop_nulls()) == {"answered in a batch whose file the provider no longer has"}
    assert set(server.paid.values()) == {1}
    assert server.contents  # what is left of the batch stays, as evidence
    assert forget_failed(run) == 3
    STAGE.make(run)
    assert traces(run)["error"].null_count() == 10
    assert sorted(server.paid.values()) == [1] * 7 + [2] * 3


def test_a_file_with_fewer_lines_than_answers_has_lost_some(tmp_path: Path, serving_batches: Serving) -> None:
    short = Fate(lines={0: None, 1: None}, completed=4)
    server = BatchServer(fate=lambda number: short if number == 0 else Fate())
    run = make_run(tmp_path, serving_batches(server))
    outcome = STAGE.make(run)
    assert outcome.counts["failed"] == 2
    assert len(server.batches) == 3
    assert any("2 requests whose answers the provider no longer has" in note for note in outcome.notes)


def test_lost_errors_are_requests_without_a_line(tmp_path: Path, serving_batches: Serving) -> None:
    lost = Fate("expired", {0: "expire", 1: "expire"}, lose=("error",))
    server = BatchServer(fate=lambda number: lost if number == 0 else Fate())
    run = make_run(tmp_path, serving_batches(server))
    STAGE.make(run)
    assert set(server.paid.values()) == {1}
    assert traces(run)["error"].null_count() == 10


def test_unknown_and_repeated_lines_are_counted_and_kept_at_the_provider(
    tmp_path: Path, serving_batches: Serving
) -> None:
    server = BatchServer()
    url = serving_batches(server)
    plain = make_run(tmp_path / "plain", url)
    STAGE.make(plain)
    first = traces(plain)["trace_id"][0]
    odd = [answered("nobody", {}), answered(first, plain_answer({"model": "other"}))]
    other = BatchServer(fate=lambda number: Fate(extra=odd) if number == 0 else Fate())
    run = make_run(tmp_path / "odd", serving_batches(other))
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
    tmp_path: Path, serving_batches: Serving, status: int, place: tuple[str, str], done: bool
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
    run = make_run(tmp_path, serving_batches(server))
    STAGE.make(run)
    assert set(server.paid.values()) == {1}
    assert len(server.batches) == 3


def test_a_service_without_batches_says_so(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer()
    server.before = lambda *_: JSONResponse({"error": {"message": "Not Found"}}, 404)
    with pytest.raises(ExternalError, match="it has no batches; remove `mode: batch`"):
        STAGE.make(make_run(tmp_path, serving_batches(server)))


def test_without_waiting_a_run_submits_and_stops(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=3))
    run = replace(make_run(tmp_path, serving_batches(server)), wait=False)
    for _ in range(2):
        with pytest.raises(StoppedError, match=r"stopped without waiting: 0 of the 10 .*; 3 batches in flight: "):
            STAGE.make(run)
    assert len(server.batches) == 3
    begun = STAGE.begun(run)
    assert begun is not None
    assert re.search(r"3 batches in flight: batch_0 \(0 of 4 answered, in_progress, since 20\d\d-", begun[1])
    outcome = STAGE.make(run)
    assert outcome.rows == 10
    assert set(server.paid.values()) == {1}
    assert STAGE.begun(run) == (10, "10 of 10 requests are answered")


def test_a_budget_of_requests_counts_what_is_in_flight(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=3))
    run = make_run(tmp_path, serving_batches(server))
    for _ in range(2):  # the second finds its budget spent by the first
        with pytest.raises(StoppedError, match="1 batch in flight"):
            STAGE.make(replace(run, budget=Budget(requests=4), wait=False))
    assert len(server.batches) == 1
    with pytest.raises(StoppedError, match="at the budget of 4 requests: 4 of the 10"):
        STAGE.make(replace(run, budget=Budget(requests=4)))
    assert len(server.batches) == 1
    STAGE.make(run)
    assert set(server.paid.values()) == {1}


def test_a_budget_of_tokens_is_never_exceeded(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer()
    run = make_run(tmp_path, serving_batches(server), "teacher.sampling={max_tokens: 100}")
    # A request can cost 256 for the template, 100 for its answer, and its text's bytes; in fact each costs 18.
    with pytest.raises(StoppedError, match=r"at the budget of 500 tokens \(the next request can cost \d+\): (\d) of"):
        STAGE.make(replace(run, budget=Budget(tokens=500), wait=True))
    spent = 18 * sum(server.paid.values())
    assert 0 < spent <= 500
    assert len(server.batches) > 1  # what was not spent is there for another batch
    STAGE.make(run)
    assert set(server.paid.values()) == {1}


def test_a_changed_recipe_keeps_the_answers_of_batches_in_flight(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer(fate=lambda number: Fate(looks=4 if number < 3 else 1))
    url = serving_batches(server)
    run = make_run(tmp_path, url)
    with pytest.raises(StoppedError):
        STAGE.make(replace(run, wait=False))
    colder = make_run(tmp_path, url, "teacher.sampling.temperature=0.1")
    STAGE.make(colder)
    assert traces(colder).height == 10
    STAGE.make(make_run(tmp_path, url))
    assert set(server.paid.values()) == {1}
    assert len(server.paid) == 20


def test_live_requests_never_repeat_what_is_in_flight(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=2))
    url = serving_batches(server)
    with pytest.raises(StoppedError):
        STAGE.make(replace(make_run(tmp_path, url), wait=False))
    with pytest.raises(InputError, match=r"10 requests to m are in flight in batches \(batch_0, .*`mode: batch`"):
        STAGE.make(make_run(tmp_path, url, mode="live"))
    colder = make_run(tmp_path, url, "teacher.sampling.temperature=0.1", mode="live")  # these are other requests
    server.fate = lambda _number: Fate(looks=1_000)
    STAGE.make(colder)
    assert len([path for _, path in server.calls if path.endswith("chat/completions")]) == 10
    server.fate = lambda _number: Fate(looks=0)
    STAGE.make(make_run(tmp_path, url, mode="live"))
    assert len([path for _, path in server.calls if path.endswith("chat/completions")]) == 10


def test_rounds_are_a_batch_each(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer()
    url = serving_batches(server)
    rounds = "generate={samples: 1, until: {correct: 1, max_attempts: 3}, privileges: [unguided]}"
    batched, live = make_run(tmp_path / "batched", url, rounds), make_run(tmp_path / "live", url, rounds, mode="live")
    STAGE.make(batched)
    STAGE.make(live)
    assert tables(batched) == tables(live)
    assert traces(batched)["round"].n_unique() == 3
    assert len(server.batches) == 6  # of 4 and 1 requests, three times


def test_tokens_in_batches_cost_what_the_recipe_says_of_them(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer(fate=lambda number: Fate("cancelled", {0: None, 1: None}) if number == 1 else Fate())
    url, price = serving_batches(server), "teacher.price={prompt: 1000, completion: 10000, batch: 0.5}"
    with pytest.raises(ExternalError, match="cancelled"):
        STAGE.make(make_run(tmp_path, url, price))
    outcome = STAGE.make(make_run(tmp_path, url, price, mode="live"))  # the other two at the full price
    assert outcome.counts["cost"] == pytest.approx(8 * (11e-3 + 7e-2) / 2 + 2 * (11e-3 + 7e-2))
    assert "88 prompt and 56 completion tokens in batches, at 0.5 of the price" in outcome.notes


def test_a_plan_is_priced_by_batch(tmp_path: Path) -> None:
    prices = [
        cost(
            make_run(
                tmp_path / name, "http://localhost:1/v1", "teacher.price={prompt: 1, completion: 2" + batch, mode=mode
            )
        )
        for name, batch, mode in (("a", "}", "live"), ("b", ", batch: 0.5}", "live"), ("c", ", batch: 0.5}", "batch"))
    ]
    assert prices[0] == prices[1]
    assert prices[2]["cost"] == pytest.approx(prices[0]["cost"] / 2, abs=1e-6)
    assert prices[2]["batch_price"] == 0.5


def test_log_probabilities_come_in_batches_too(tmp_path: Path, serving_batches: Serving) -> None:
    def answering(body: Body) -> dict[str, Any]:
        answer = plain_answer(body)
        tokens = [{"logprob": -0.1, "top_logprobs": [{"logprob": -0.1}, {"logprob": -2.5}]}] * 3
        answer["choices"][0]["logprobs"] = {"content": tokens}
        return answer

    url = serving_batches(BatchServer(answering))
    batched = make_run(tmp_path / "batched", url, "teacher.logprobs=2")
    live = make_run(tmp_path / "live", url, "teacher.logprobs=2", mode="live")
    STAGE.make(batched)
    STAGE.make(live)
    assert any(name.startswith("tokens/") for name in tables(live))
    assert tables(batched) == tables(live)


def test_a_service_that_is_down_for_a_while_is_waited_for(
    tmp_path: Path, serving_batches: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher_batches, "MOST_FAILED_LOOKS", 4)
    server = BatchServer()
    down = 0

    def before(_method: str, path: str, done: bool) -> Response | None:
        nonlocal down
        if done or not down or "/v1/batches/" not in path:
            return None
        down -= 1
        return JSONResponse({"error": {"message": "out of order"}}, 503)

    server.before = before
    run = make_run(tmp_path, serving_batches(server))
    down = 3 * 3  # three looks of three attempts
    STAGE.make(run)
    assert down == 0
    other = make_run(tmp_path / "other", f"{run.recipe.every_teacher[''].base_url[0]}")  # type: ignore[attr-defined]
    down = 1_000
    with pytest.raises(ExternalError, match=r"answered 503: out of order; batch batch_3 is in flight; run again"):
        STAGE.make(other)
    down = 0
    STAGE.make(other)
    assert len(server.batches) == 6


def test_batches_are_in_flight_while_another_teacher_answers(tmp_path: Path, serving_batches: Serving) -> None:
    server = BatchServer()
    url = serving_batches(server)
    common = f"backend: openai, base_url: {url}, attempts: 1"
    teachers = f"teachers={{live: {{{common}, model: a}}, batched: {{{common}, model: b, mode: batch}}}}"
    run = make_run(tmp_path, url, "teacher=null", teachers)
    outcome = STAGE.make(run)
    places = [path for _, path in server.calls]
    assert places.index("/v1/batches") < places.index("/v1/chat/completions") < places.index("/v1/batches/batch_0")
    assert outcome.counts["in_batches"] == {"batched": {"prompt_tokens": 110, "completion_tokens": 70}}
    assert traces(run)["teacher"].to_list() == ["live"] * 10 + ["batched"] * 10


def test_a_teacher_whose_batches_fail_keeps_no_other_from_answering(tmp_path: Path, serving_batches: Serving) -> None:
    problem = [{"code": "x", "message": "no"}]
    server = BatchServer(fate=lambda number: Fate("failed", errors=problem) if number == 0 else Fate())
    url = serving_batches(server)
    common = f"backend: openai, base_url: {url}, attempts: 1, mode: batch"
    teachers = f"teachers={{one: {{{common}, model: a}}, two: {{{common}, model: b}}}}"
    run = make_run(tmp_path, url, "teacher=null", teachers)
    with pytest.raises(ExternalError, match="teacher one: the provider refused batch batch_0: no"):
        STAGE.make(run)
    assert answered_on_disk(run.path / "traces") == (10, 20)
    STAGE.make(run)
    assert set(server.paid.values()) == {1}


def test_a_batch_that_the_provider_does_not_know_is_not_sent_again_unasked(
    tmp_path: Path, serving_batches: Serving
) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=1))
    run = make_run(tmp_path, serving_batches(server))
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


def test_a_provider_that_lists_nothing_leaves_the_question_to_the_user(
    tmp_path: Path, serving_batches: Serving
) -> None:
    server = BatchServer()
    lists = False

    def before(method: str, path: str, done: bool) -> Response | None:
        if (method, path) == ("GET", "/v1/batches") and not lists:
            return JSONResponse({"error": {"message": "Not Found"}}, 404)
        if (method, path, done) == ("POST", "/v1/batches", True) and len(server.batches) == 1:
            return JSONResponse({"error": {"message": "out of order"}}, 500)
        return None

    server.before = before
    run = make_run(tmp_path, serving_batches(server))
    for _ in range(2):
        with pytest.raises(ExternalError, match=r"it does not list its batches, so it is not known .* write its id as"):
            STAGE.make(run)
    assert len(server.batches) == 1
    (record,) = BatchFolder(run.path).in_flight()
    BatchFolder(run.path).write(replace(record, batch_id="batch_0"))
    STAGE.make(run)
    assert set(server.paid.values()) == {1}


@pytest.mark.model
def test_a_real_model_answers_alike_in_batches(
    tmp_path: Path, serving_batches: Serving, embedded_model: EmbeddedModel
) -> None:
    lock = threading.Lock()

    def answering(body: Body) -> dict[str, Any]:
        with lock:
            completion = embedded_model.complete(Request("", body["messages"], body["seed"]), Sampling(max_tokens=12))
        choice = {
            "message": {"role": "assistant", "content": completion.response, "reasoning": completion.reasoning},
            "finish_reason": completion.finish_reason,
        }
        usage = {"prompt_tokens": completion.prompt_tokens, "completion_tokens": completion.completion_tokens}
        return {"choices": [choice], "usage": usage}

    url = serving_batches(BatchServer(answering))
    batched, live = make_run(tmp_path / "batched", url), make_run(tmp_path / "live", url, mode="live")
    STAGE.make(batched)
    STAGE.make(live)
    assert traces(live)["response"].n_unique() > 1
    assert tables(batched) == tables(live)
