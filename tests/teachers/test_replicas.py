"""Replicas that die: no request is lost or answered twice, and nothing goes on when none is left."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import ExternalError, InputError
from infogap.parallel.coroutines import coroutines_as_finished
from infogap.teachers.base import Completion, Request
from infogap.teachers.ray import replicas as module
from infogap.teachers.ray.replicas import DEATHS, STARTS, ReplicaDiedError, Replicas

ROOM = 4


@pytest.fixture(autouse=True, scope="module")
def _at_once() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "FIRST_WAIT", 0.0)
        yield


class Life:
    """One life of a replica: dies with its `last` request, and with one that is `deadly`."""

    def __init__(self, last: int | None = None, deadly: str = "", start: Exception | None = None) -> None:
        self.left = last
        self.deadly = deadly
        self.problem = start
        self.dead = asyncio.Event()
        self.killed = False
        self.in_flight = self.most = 0
        self.answered = 0

    async def start(self) -> int:
        await asyncio.sleep(0)
        if self.problem is not None:
            raise self.problem
        return ROOM

    async def answer(self, request: Request) -> Completion:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            if request.request_id == self.deadly or self.left == 0:
                self.dead.set()
            await asyncio.sleep(0.001)
            if self.dead.is_set():
                raise ReplicaDiedError("out of memory")
        finally:
            self.in_flight -= 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead.set()
                raise ReplicaDiedError("out of memory")
        self.answered += 1
        return Completion(request.request_id, "", "yes", "stop", 1, 1)

    def kill(self) -> None:
        self.killed = True


def requests(count: int) -> list[Request]:
    return [Request(f"r{number}", [{"role": "user", "content": "?"}], number) for number in range(count)]


def answers(replicas: Replicas, asked: list[Request], count: int) -> list[Completion]:
    return list(coroutines_as_finished(asked, Replicas.answer, replicas.tended, count * ROOM))


def hiring(make: Callable[[int], Life]) -> tuple[Callable[[int], Life], list[Life]]:
    """A hire function whose lives are noted; `make` is given how many there were before."""
    lives: list[Life] = []

    def hire(_number: int) -> Life:
        lives.append(make(len(lives)))
        return lives[-1]

    return hire, lives


@given(spans=st.lists(st.integers(min_value=1, max_value=9), max_size=8), count=st.integers(min_value=1, max_value=3))
def test_however_replicas_die_every_request_is_answered_once(spans: list[int], count: int) -> None:
    hire, lives = hiring(lambda born: Life(last=spans[born]) if born < len(spans) else Life())
    asked = requests(40)
    completions = answers(Replicas(hire, count), asked, count)
    assert Counter(completion.request_id for completion in completions) == Counter(one.request_id for one in asked)
    # A request is failed only where it saw the allowed number of deaths.
    assert all(completion.error is None or f"{DEATHS} replicas" in completion.error for completion in completions)
    assert all(life.most <= ROOM for life in lives)
    assert all(life.killed for life in lives if life.dead.is_set())


def test_work_goes_to_whoever_has_least() -> None:
    hire, lives = hiring(lambda _: Life())
    answers(Replicas(hire, 2), requests(200), 2)
    assert min(life.answered for life in lives) > 60


def test_a_request_that_kills_replicas_is_a_failed_one_and_the_others_are_answered() -> None:
    hire, lives = hiring(lambda _: Life(deadly="r5"))
    (failed,) = [one for one in answers(Replicas(hire, 3), requests(100), 1) if one.error is not None]
    assert failed.request_id == "r5"
    assert failed.error == f"{DEATHS} replicas died while they answered; the last: out of memory"
    assert len(lives) == 3 + DEATHS


def test_no_replica_left_is_told_after_the_answers_that_there_were() -> None:
    hire, lives = hiring(lambda born: Life(last=7 if born < 2 else 0))
    taken = []
    with pytest.raises(ExternalError, match="no replica of the model is left; the last one: out of memory; what was"):
        for completion in coroutines_as_finished(requests(100), Replicas.answer, Replicas(hire, 2).tended, 2 * ROOM):
            taken.append(completion)
    assert len({one.request_id for one in taken if one.error is None}) == 14
    assert len(lives) == 2 * STARTS
    assert all(life.killed for life in lives)


def test_a_replica_that_cannot_start_leaves_the_rest_working() -> None:
    hire, lives = hiring(lambda born: Life() if born == 0 else Life(start=ReplicaDiedError("no memory")))
    completions = answers(Replicas(hire, 2), requests(50), 1)
    assert all(completion.error is None for completion in completions)
    assert len(lives) == 1 + STARTS


@pytest.mark.parametrize("problem", [InputError("teacher.engine.dtype: no"), RuntimeError("a mistake in the code")])
def test_what_no_replica_could_start_with_is_raised_as_it_is(problem: Exception) -> None:
    hire, lives = hiring(lambda _: Life(start=problem))
    with pytest.raises(type(problem), match=str(problem)):
        answers(Replicas(hire, 1), requests(3), 1)
    assert len(lives) == 1


def test_replicas_outlive_the_loop_that_they_are_tended_on() -> None:
    hire, lives = hiring(lambda _: Life())
    replicas = Replicas(hire, 2)
    first = coroutines_as_finished(requests(50), Replicas.answer, replicas.tended, 2 * ROOM)
    assert len(list(islice(first, 5))) == 5
    first.close()
    assert len(answers(replicas, requests(50), 2)) == 50
    assert len(lives) == 2
    assert not any(life.in_flight for life in lives)
