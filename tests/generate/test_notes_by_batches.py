"""Critiques and lessons by batches: the tables of live requests, nothing paid twice, and nothing left in the cache."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from generate.batched import shorten_waits
from generate.note_writing import WHAT
from generate.solving import make_run as make_live_run
from generate.test_critiques import every_table
from infogap.errors import StoppedError
from infogap.generate import STAGE
from infogap.generate.generation_cost import cost
from infogap.runs.run_folder import Run
from infogap.schema import NOTES, TRACES
from servers.batches import BatchServer, Fate, plain_answer
from servers.scripted import Body

Serving = Callable[[BatchServer], str]
GENERATE = "{samples: 2, privileges: [unguided, critique, {lessons: {pool: 4, count: 2}}]}"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten_waits(monkeypatch)


def solve(body: Body) -> dict[str, object]:
    prompt = body["messages"][0]["content"]
    if prompt.startswith("Somebody answered"):
        text = "Step one is wrong." if body["seed"] % 3 else ""
    elif prompt.startswith("These are attempts"):
        text = "Say first what it is."
    else:
        number = int(WHAT.findall(prompt)[0])
        text = rf"We count. \boxed{{{number if body['seed'] % 2 else -number - 1}}}"
    return plain_answer(body, {"role": "assistant", "content": text})


def make_run(folder: Path, url: str, mode: str) -> Run:
    folder.mkdir(exist_ok=True)
    more = ["teacher.batch={requests: 4}"] if mode == "batch" else ["teacher.concurrency=4"]
    return make_live_run(folder, url, GENERATE, f"teacher.mode={mode}", "teacher.attempts=3", *more)


def test_batches_give_the_tables_that_live_requests_give(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(solve)
    url = serving(server)
    batched, live = make_run(tmp_path / "batched", url, "batch"), make_run(tmp_path / "live", url, "live")
    outcome = STAGE.make(batched)
    assert not any(path.endswith("chat/completions") for _, path in server.calls)
    expected = STAGE.make(live)
    in_batches = outcome.counts.pop("in_batches")["m"]
    assert outcome.counts == expected.counts
    assert in_batches["prompt_tokens"] == outcome.counts["prompt_tokens"]
    assert every_table(batched) == every_table(live)
    assert set(server.paid.values()) == {1}
    assert not list(batched.path.glob("*/cache/*"))
    assert cost(live)["requests"] == cost(batched)["requests"] >= batched.rows(TRACES) + batched.rows(NOTES)


def test_a_run_that_does_not_wait_continues_through_the_waves(tmp_path: Path, serving: Serving) -> None:
    server = BatchServer(solve, fate=lambda _number: Fate(looks=2))
    run = replace(make_run(tmp_path, serving(server), "batch"), wait=False)
    stops = 0
    while True:
        try:
            STAGE.make(run)
            break
        except StoppedError:
            stops += 1
            assert stops < 40
    assert stops > 3
    assert set(server.paid.values()) == {1}
    live = make_run(tmp_path / "live", serving(server), "live")
    STAGE.make(live)
    assert every_table(run) == every_table(live)
