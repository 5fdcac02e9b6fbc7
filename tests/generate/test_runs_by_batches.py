"""Batches in a run: the tables of live requests, several commands and teachers, rounds, budgets and prices."""

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from generate.batched import make_run, shorten_waits, tables, traces
from infogap.errors import ExternalError, InputError, StoppedError
from infogap.generate import STAGE, teacher_batches
from infogap.generate.generation_cost import cost
from infogap.generate.trace_store import answered as answered_on_disk
from infogap.recipe.teacher_section import Sampling
from infogap.runs.budget import Budget
from infogap.teachers import Request
from infogap.teachers.embedded.embedded_teacher import EmbeddedModel
from servers.batches import BatchServer, Fate, plain_answer
from servers.scripted import Body

pytestmark = pytest.mark.usefixtures("without_charts")

Serving = Callable[[BatchServer], str]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_waits(monkeypatch)


def test_batches_give_the_tables_that_live_requests_give(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    url = serving(server)
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


def test_without_waiting_a_run_submits_and_stops(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=3))
    run = replace(make_run(tmp_path, serving(server)), wait=False)
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


def test_a_budget_of_requests_counts_what_is_in_flight(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=3))
    run = make_run(tmp_path, serving(server))
    for _ in range(2):  # the second finds its budget spent by the first
        with pytest.raises(StoppedError, match="1 batch in flight"):
            STAGE.make(replace(run, budget=Budget(requests=4), wait=False))
    assert len(server.batches) == 1
    with pytest.raises(StoppedError, match="at the budget of 4 requests: 4 of the 10"):
        STAGE.make(replace(run, budget=Budget(requests=4)))
    assert len(server.batches) == 1
    STAGE.make(run)
    assert set(server.paid.values()) == {1}


def test_a_budget_of_tokens_is_never_exceeded(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    run = make_run(tmp_path, serving(server), "teacher.sampling={max_tokens: 100}")
    # A request can cost 256 for the template, 100 for its answer, and its text's bytes; in fact each costs 18.
    with pytest.raises(StoppedError, match=r"at the budget of 500 tokens \(the next request can cost \d+\): (\d) of"):
        STAGE.make(replace(run, budget=Budget(tokens=500), wait=True))
    spent = 18 * sum(server.paid.values())
    assert 0 < spent <= 500
    assert len(server.batches) > 1  # what was not spent is there for another batch
    STAGE.make(run)
    assert set(server.paid.values()) == {1}


def test_a_changed_recipe_keeps_the_answers_of_batches_in_flight(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(fate=lambda number: Fate(looks=4 if number < 3 else 1))
    url = serving(server)
    run = make_run(tmp_path, url)
    with pytest.raises(StoppedError):
        STAGE.make(replace(run, wait=False))
    colder = make_run(tmp_path, url, "teacher.sampling.temperature=0.1")
    STAGE.make(colder)
    assert traces(colder).height == 10
    STAGE.make(make_run(tmp_path, url))
    assert set(server.paid.values()) == {1}
    assert len(server.paid) == 20


def test_live_requests_never_repeat_what_is_in_flight(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(fate=lambda _number: Fate(looks=2))
    url = serving(server)
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


def test_rounds_are_a_batch_each(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    url = serving(server)
    rounds = "generate={samples: 1, until: {correct: 1, max_attempts: 3}, privileges: [unguided]}"
    batched, live = make_run(tmp_path / "batched", url, rounds), make_run(tmp_path / "live", url, rounds, mode="live")
    STAGE.make(batched)
    STAGE.make(live)
    assert tables(batched) == tables(live)
    assert traces(batched)["round"].n_unique() == 3
    assert len(server.batches) == 6  # of 4 and 1 requests, three times


def test_tokens_in_batches_cost_what_the_recipe_says_of_them(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(fate=lambda number: Fate("cancelled", {0: None, 1: None}) if number == 1 else Fate())
    url, price = serving(server), "teacher.price={prompt: 1000, completion: 10000, batch: 0.5}"
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


def test_log_probabilities_come_in_batches_too(tmp_path: Path, serving: Serving) -> None:
    def answering(body: Body) -> dict[str, Any]:
        answer = plain_answer(body)
        tokens = [{"logprob": -0.1, "top_logprobs": [{"logprob": -0.1}, {"logprob": -2.5}]}] * 3
        answer["choices"][0]["logprobs"] = {"content": tokens}
        return answer

    url = serving(BatchServer(answering))
    batched = make_run(tmp_path / "batched", url, "teacher.logprobs=2")
    live = make_run(tmp_path / "live", url, "teacher.logprobs=2", mode="live")
    STAGE.make(batched)
    STAGE.make(live)
    assert any(name.startswith("tokens/") for name in tables(live))
    assert tables(batched) == tables(live)


def test_a_service_that_is_down_for_a_while_is_waited_for(
    tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
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
    run = make_run(tmp_path, serving(server))
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


def test_batches_are_in_flight_while_another_teacher_answers(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer()
    url = serving(server)
    common = f"backend: openai, base_url: {url}, attempts: 1"
    teachers = f"teachers={{live: {{{common}, model: a}}, batched: {{{common}, model: b, mode: batch}}}}"
    run = make_run(tmp_path, url, "teacher=null", teachers)
    outcome = STAGE.make(run)
    places = [path for _, path in server.calls]
    assert places.index("/v1/batches") < places.index("/v1/chat/completions") < places.index("/v1/batches/batch_0")
    assert outcome.counts["in_batches"] == {"batched": {"prompt_tokens": 110, "completion_tokens": 70}}
    assert traces(run)["teacher"].to_list() == ["live"] * 10 + ["batched"] * 10


def test_a_teacher_whose_batches_fail_keeps_no_other_from_answering(tmp_path: Path, serving: Serving) -> None:
    problem = [{"code": "x", "message": "no"}]
    server = BatchServer(fate=lambda number: Fate("failed", errors=problem) if number == 0 else Fate())
    url = serving(server)
    common = f"backend: openai, base_url: {url}, attempts: 1, mode: batch"
    teachers = f"teachers={{one: {{{common}, model: a}}, two: {{{common}, model: b}}}}"
    run = make_run(tmp_path, url, "teacher=null", teachers)
    with pytest.raises(ExternalError, match="teacher one: the provider refused batch batch_0: no"):
        STAGE.make(run)
    assert answered_on_disk(run.path / "traces") == (10, 20)
    STAGE.make(run)
    assert set(server.paid.values()) == {1}


@pytest.mark.model
def test_a_real_model_answers_alike_in_batches(tmp_path: Path, serving: Serving, embedded_model: EmbeddedModel) -> None:
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

    url = serving(BatchServer(answering))
    batched, live = make_run(tmp_path / "batched", url), make_run(tmp_path / "live", url, mode="live")
    STAGE.make(batched)
    STAGE.make(live)
    assert traces(live)["response"].n_unique() > 1
    assert tables(batched) == tables(live)
