"""The openai teacher against servers on the loopback: every request gets exactly one completion."""

from __future__ import annotations

import gc
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.responses import Response

from infogap import console
from infogap.errors import ExternalError, InputError
from infogap.recipe.teacher_section import Sampling
from infogap.teachers.base import Completion, Request
from infogap.teachers.embedded.embedded_teacher import EmbeddedModel
from infogap.teachers.openai import http_servers as asking
from infogap.teachers.openai import load_balancer as fleet
from infogap.teachers.openai.openai_backend import OpenAITeacher
from infogap.teachers.openai.openai_teacher import OpenAIServers
from servers import scripted
from servers.scripted import Body, Reply, ScriptedServer, answer_to
from servers.serve import free_port, serve

Serving = Callable[[ScriptedServer], str]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(asking, "LONGEST_WAIT", 0.05)


def requests(count: int) -> Iterator[Request]:
    for number in range(count):
        yield Request(f"r{number}", [{"role": "user", "content": f"question {number // 4}"}], seed=number)


def teacher(*urls: str, **changed: Any) -> OpenAIServers:
    keys = {"backend": "openai", "model": "m", "base_url": list(urls), "concurrency": 8, "timeout": 10.0, "attempts": 3}
    return OpenAIServers(OpenAITeacher.model_validate(keys | changed))


def question(body: Body) -> str:
    return str(body["messages"][0]["content"])


def times(count: int, reply: Reply) -> Callable[[Body, int], Reply | None]:
    """Every body fails so many times before it is answered."""
    return lambda _, before: reply if before < count else None


def test_every_request_is_asked_once_with_its_seed_and_answered(serving: Serving) -> None:
    server = ScriptedServer()
    completions = {done.request_id: done for done in teacher(serving(server)).answer(requests(40))}
    assert sorted(body["seed"] for body in server.bodies) == list(range(40))
    by_seed = {body["seed"]: body for body in server.bodies}
    for request in requests(40):
        assert by_seed[request.seed]["messages"] == request.messages
        expected = Completion(request.request_id, "", answer_to(by_seed[request.seed]), "stop", 11, 7)
        assert completions[request.request_id] == expected


def test_order_of_requests_does_not_matter(serving: Serving) -> None:
    asked = teacher(serving(ScriptedServer()))
    in_order = sorted(asked.answer(requests(50)), key=lambda done: done.request_id)
    shuffled = random.Random(3).sample(list(requests(50)), k=50)
    assert sorted(asked.answer(shuffled), key=lambda done: done.request_id) == in_order


@pytest.mark.parametrize(
    "reply",
    [
        scripted.failing(429),
        scripted.failing(500),
        scripted.failing(502),
        scripted.failing(503),
        scripted.hanging(),
        scripted.resetting(),
        scripted.resetting(chunked=True),
        scripted.saying(b"<html>502</html>"),
        scripted.saying(b""),
        scripted.saying(b"[" * 100_000),
        scripted.saying(b'{"choices": []}'),
        scripted.saying(b'{"error": {"message": "overloaded"}}'),
        scripted.replying(scripted.completion("half an ans", "abort")),
    ],
    ids=[
        "429",
        "500",
        "502",
        "503",
        "hang",
        "reset",
        "cut-off",
        "invalid",
        "nothing",
        "deep",
        "empty",
        "error-in-200",
        "abort",
    ],
)
def test_failures_that_pass_are_retried(serving: Serving, reply: Reply) -> None:
    server = ScriptedServer(times(2, reply))
    completions = list(teacher(serving(server), timeout=1.0).answer(requests(2)))
    assert len(server.bodies) == 6
    assert {done.response for done in completions} == {answer_to(body) for body in server.bodies}


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (scripted.failing(429, "slow down"), "answered 429: slow down"),
        (scripted.failing(500, "no GPU left"), "answered 500: no GPU left"),
        (scripted.hanging(), "gave no answer within 1 s"),
        (scripted.resetting(), "dropped the connection"),
        (scripted.saying(b"{"), "sent invalid JSON"),
        (scripted.saying(b"{}"), "sent no completion"),
    ],
    ids=["429", "500", "hang", "reset", "invalid", "empty"],
)
def test_failures_that_stay_are_error_completions(serving: Serving, reply: Reply, said: str) -> None:
    server = ScriptedServer(lambda body, _: reply if question(body) == "question 0" else None)
    completions = {done.request_id: done for done in teacher(serving(server), timeout=1.0).answer(requests(5))}
    assert len(server.bodies) == 4 * 3 + 1
    for number in range(4):
        failed = completions[f"r{number}"]
        assert (failed.reasoning, failed.response, failed.finish_reason) == ("", "", "error")
        assert failed.error is not None
        assert said in failed.error
        assert "(3 attempts)" in failed.error
    assert completions["r4"].error is None


def test_a_body_that_cannot_be_decoded_is_told_on_one_line(serving: Serving) -> None:
    garbled = scripted.replying(Response(b"no gzip", headers={"Content-Encoding": "gzip"}))
    (done,) = teacher(serving(ScriptedServer(lambda *_: garbled))).answer(requests(1))
    assert done.error is not None and "dropped the connection" in done.error
    assert "\n" not in done.error


def test_retry_after_is_honoured(serving: Serving) -> None:
    reply = scripted.failing(429, "slow down", **{"Retry-After": "1"})
    started = time.monotonic()
    (done,) = teacher(serving(ScriptedServer(times(1, reply)))).answer(requests(1))
    assert done.error is None
    assert 1 <= time.monotonic() - started < 3


def test_retry_after_is_bounded_by_the_timeout(serving: Serving) -> None:
    reply = scripted.failing(429, "slow down", **{"Retry-After": "3600"})
    started = time.monotonic()
    (done,) = teacher(serving(ScriptedServer(times(1, reply))), timeout=0.5).answer(requests(1))
    assert done.error is None
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("status", [400, 422])
def test_refused_requests_are_not_retried(serving: Serving, status: int) -> None:
    unknown = scripted.failing(status, "top_k is not known here")
    server = ScriptedServer(lambda body, _: unknown if body["seed"] % 2 else None)
    completions = list(teacher(serving(server)).answer(requests(100)))
    assert len(server.bodies) == 100
    errors = [done.error for done in completions if done.error]
    assert len(errors) == 50
    assert all("top_k is not known here" in error for error in errors)


@pytest.mark.parametrize("status", [401, 403, 404, 307])
def test_what_no_request_passes_ends_the_work_at_once(serving: Serving, status: int) -> None:
    server = ScriptedServer(lambda *_: scripted.failing(status, "the model `m` does not exist"))
    url = serving(server)
    with pytest.raises(ExternalError, match=re.escape(f"{url} answered {status}: the model `m` does not exist")):
        list(teacher(url).answer(requests(1000)))
    assert len(server.bodies) <= 16


def test_a_fleet_in_which_nothing_answers_ends_the_work(serving: Serving) -> None:
    dead, misled = f"http://127.0.0.1:{free_port()}/v1", ScriptedServer(lambda *_: scripted.failing(404))
    with pytest.raises(ExternalError, match="no server answers at"):
        list(teacher(dead, serving(misled)).answer(requests(100)))


def test_no_server_at_all(serving: Serving) -> None:
    urls = [f"http://127.0.0.1:{free_port()}/v1" for _ in range(2)]
    with pytest.raises(ExternalError, match="no server answers at") as caught:
        list(teacher(*urls).answer(requests(100)))
    assert all(url in str(caught.value) for url in urls)
    assert str(caught.value).endswith("what was finished is on disk; run again to continue")


def test_unknown_host_is_no_server() -> None:
    with pytest.raises(ExternalError, match=r"no server answers at http://nowhere\.invalid/v1"):
        list(teacher("http://nowhere.invalid/v1").answer(requests(1)))


def test_dead_servers_are_left_out_while_another_answers(serving: Serving) -> None:
    server = ScriptedServer()
    dead = [f"http://127.0.0.1:{free_port()}/v1" for _ in range(4)]
    asked = teacher(*dead, serving(server), attempts=1)
    assert all(done.error is None for done in asked.answer(requests(100)))
    assert len(server.bodies) == 100
    assert max(server.chosen for server in asked._servers.fleet.servers[:4]) <= 8


def test_server_that_dies_on_the_way_is_replaced_and_taken_back(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "LEFT_OUT_SECONDS", 0.2)
    port = free_port()
    first, second, reborn = ScriptedServer(seconds=0.02), ScriptedServer(seconds=0.02), ScriptedServer()
    completions = []
    mortal = serve(first.app, port)
    answering = teacher(f"{mortal.__enter__()}/v1", serving(second)).answer(requests(400))
    for _ in range(50):
        completions.append(next(answering))
    mortal.__exit__(None, None, None)
    for _ in range(100):
        completions.append(next(answering))
    time.sleep(0.3)
    with serve(reborn.app, port):
        completions += answering
    assert len({done.request_id for done in completions}) == 400
    assert all(done.error is None for done in completions)
    assert first.bodies
    assert len(reborn.bodies) > 50


def test_a_server_that_fails_fast_does_not_draw_every_attempt(serving: Serving) -> None:
    broken = ScriptedServer(lambda *_: scripted.failing(500))
    healthy = ScriptedServer(seconds=0.02)
    completions = list(teacher(serving(broken), serving(healthy), attempts=2).answer(requests(200)))
    assert all(done.error is None for done in completions)


def test_the_least_busy_server_gets_most(serving: Serving) -> None:
    slow, fast = ScriptedServer(seconds=0.2), ScriptedServer(seconds=0.01)
    assert len(list(teacher(serving(slow), serving(fast)).answer(requests(100)))) == 100
    assert len(fast.bodies) > 3 * len(slow.bodies)


def test_concurrency_is_bounded_and_used(serving: Serving) -> None:
    server = ScriptedServer(seconds=0.02)
    list(teacher(serving(server), concurrency=5).answer(requests(60)))
    assert server.most_in_flight == 5


@pytest.mark.parametrize("status", [500, 400], ids=["failing", "refusing"])
def test_failures_in_a_row_end_the_work_and_count_as_not_asked(serving: Serving, status: int) -> None:
    server = ScriptedServer(lambda body, _: scripted.failing(status, "no GPU left") if body["seed"] >= 100 else None)
    came: list[Completion] = []
    with pytest.raises(ExternalError, match=r"40 requests in a row failed; the last: .*no GPU left"):
        for done in teacher(serving(server), attempts=1).answer(requests(5000)):
            came.append(done)
    assert {done.request_id for done in came if done.error is None} == {f"r{number}" for number in range(100)}
    assert len(came) < 100 + 8  # failures that came before the last answer
    assert len(server.bodies) <= 100 + 40 + 2 * 8 + 8


def test_failures_of_requests_that_were_in_flight_together_are_one_outage(serving: Serving) -> None:
    server = ScriptedServer(lambda body, _: scripted.failing(500) if body["seed"] < 64 else None)
    completions = list(teacher(serving(server), attempts=1, concurrency=64).answer(requests(300)))
    assert Counter(done.finish_reason for done in completions) == {"error": 64, "stop": 236}


def test_a_success_between_failures_lets_the_work_go_on(serving: Serving) -> None:
    server = ScriptedServer(lambda body, _: None if body["seed"] % 20 == 0 else scripted.failing(500))
    completions = list(teacher(serving(server), attempts=1, concurrency=1).answer(requests(105)))
    assert sum(done.error is None for done in completions) == 6
    assert len(completions) == 105


def test_prompts_that_are_too_long_say_nothing_of_the_server(serving: Serving) -> None:
    too_long = scripted.failing(400, "This model's maximum context length is 2048 tokens.")
    completions = list(teacher(serving(ScriptedServer(lambda *_: too_long))).answer(requests(300)))
    assert [done.finish_reason for done in completions] == ["too_long"] * 300


def test_one_server_that_takes_no_request_leaves_the_rest_working(
    serving: Serving, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console.output, "quiet", False)
    misled, sound = ScriptedServer(lambda *_: scripted.failing(404, "no such model")), ScriptedServer()
    url = serving(misled)
    completions = list(teacher(url, serving(sound), attempts=1).answer(requests(200)))
    assert all(done.error is None for done in completions)
    assert len(misled.bodies) <= 8
    said = capsys.readouterr().err
    assert said.count(f"{url} is left out, and tried again every 30 s: {url} answered 404: no such model") == 1


def test_a_server_that_hangs_is_soon_left_out(serving: Serving) -> None:
    hung, sound = ScriptedServer(lambda *_: scripted.hanging()), ScriptedServer(seconds=0.02)
    started = time.monotonic()
    asked = teacher(serving(hung), serving(sound), concurrency=16, timeout=0.5)
    assert all(done.error is None for done in asked.answer(requests(2000)))
    assert len(hung.bodies) <= 2 * 16
    assert time.monotonic() - started < 10


def test_key_comes_from_the_environment_and_is_never_shown(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEACHER_KEY", "secret-key")
    server = ScriptedServer(lambda *_: scripted.failing(401, "wrong key"))
    with pytest.raises(ExternalError) as caught:
        list(teacher(serving(server), api_key_env="TEACHER_KEY").answer(requests(1)))
    assert server.headers[0]["authorization"] == "Bearer secret-key"
    assert "secret-key" not in str(caught.value)


def test_without_a_key_none_is_sent(serving: Serving) -> None:
    server = ScriptedServer()
    list(teacher(serving(server)).answer(requests(1)))
    assert "authorization" not in server.headers[0]


def test_key_that_is_not_set_is_the_users_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEACHER_KEY", raising=False)
    with pytest.raises(InputError, match="the environment variable TEACHER_KEY is not set"):
        teacher("http://127.0.0.1:1/v1", api_key_env="TEACHER_KEY")


def test_two_thousand_requests_with_faults_get_one_completion_each(serving: Serving) -> None:
    faults = [
        scripted.failing(429, "slow down", **{"Retry-After": "0"}),
        scripted.failing(500),
        scripted.hanging(),
        scripted.resetting(),
        scripted.saying(b"not json"),
        scripted.saying(b'{"choices": []}'),
    ]

    def script(body: Body, before: int) -> Reply | None:
        dice = random.Random(f"{body['seed']}/{before}")
        return dice.choice(faults) if dice.random() < 0.05 else None

    servers = [ScriptedServer(script), ScriptedServer(script)]
    asked = teacher(*map(serving, servers), concurrency=64, timeout=2.0, attempts=5)
    completions = list(asked.answer(requests(2000)))
    assert Counter(done.request_id for done in completions) == Counter(f"r{number}" for number in range(2000))
    assert all(done.error is None for done in completions)
    bodies = {body["seed"]: body for server in servers for body in server.bodies}
    assert all(done.response == answer_to(bodies[int(done.request_id[1:])]) for done in completions)
    assert sum(len(server.bodies) for server in servers) > 2000


@pytest.mark.filterwarnings("error")
def test_closing_early_leaves_nothing_behind(serving: Serving) -> None:
    server = ScriptedServer(lambda body, _: scripted.hanging() if body["seed"] > 3 else None)
    answering = teacher(serving(server)).answer(requests(1000))
    next(answering)
    answering.close()  # type: ignore[attr-defined]
    gc.collect()
    assert "infogap-in-flight" not in {thread.name for thread in threading.enumerate()}
    assert len(server.bodies) <= 16


def test_interrupt_ends_the_process_quietly_and_soon(serving: Serving) -> None:
    server = ScriptedServer(lambda body, _: scripted.hanging() if body["seed"] > 0 else None)
    script = (
        "from infogap.teachers.openai.openai_backend import OpenAITeacher\n"
        "from infogap.teachers import Request\n"
        "from infogap.teachers.openai.openai_teacher import OpenAIServers\n"
        f"settings = OpenAITeacher(backend='openai', model='m', base_url=['{serving(server)}'])\n"
        "requests = (Request(str(n), [{'role': 'user', 'content': 'q'}], n) for n in range(100))\n"
        "try:\n"
        "    for done in OpenAIServers(settings).answer(requests):\n"
        "        print(done.request_id, flush=True)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    assert (rest, errors, process.returncode) == ("interrupted\n", "", 0)


def test_more_requests_in_flight_than_files_may_be_open(serving: Serving) -> None:
    server = ScriptedServer(seconds=0.3)
    script = (
        "import resource\n"
        "from infogap.teachers.openai.openai_backend import OpenAITeacher\n"
        "from infogap.teachers import Request\n"
        "from infogap.teachers.openai.openai_teacher import OpenAIServers\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
        f"settings = OpenAITeacher(backend='openai', model='m', base_url=['{serving(server)}'], concurrency=100)\n"
        "requests = (Request(str(n), [{'role': 'user', 'content': 'q'}], n) for n in range(100))\n"
        "assert all(done.error is None for done in OpenAIServers(settings).answer(requests))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert server.most_in_flight == 100
    assert len(server.bodies) == 100


@pytest.mark.model
def test_the_real_model_says_the_same_over_http(model_server: str, embedded_model: EmbeddedModel) -> None:
    sampling = Sampling(temperature=0.7, top_k=40, max_tokens=12)
    asked = teacher(model_server, model="smollm2", sampling=sampling, timeout=60.0)
    over_http = {done.request_id: done for done in asked.answer(requests(4))}
    assert over_http == {request.request_id: embedded_model.complete(request, sampling) for request in requests(4)}
    with pytest.raises(ExternalError, match="The model `other` does not exist"):
        list(teacher(model_server, model="other").answer(requests(1)))
