"""A function in a process of its own: it answers call by call, and what exceeds a limit is lost alone."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from infogap.parallel.bounded_call import BoundedCall, LimitExceededError


def _do(what: str) -> Any:
    match what:
        case "spin":
            return 7 ** (9**9)
        case "sleep":
            time.sleep(60)
        case "die":
            os._exit(3)
        case "eat":
            return len(bytearray(8 << 30))
        case "fail":
            raise KeyError(what)
        case "strange":
            return lambda: what
        case "print":
            print("on stdout")  # noqa: T201
            os.write(1, b"on the descriptor\n")
            return sys.stdout is sys.stderr
    return what.upper()


@pytest.fixture(scope="module")
def call() -> Iterator[BoundedCall]:
    bounded = BoundedCall(_do, limit=1.0, deadline=20.0, memory=1 << 30)
    yield bounded
    bounded.close()


@pytest.mark.parametrize(
    ("what", "why"),
    [("spin", "more than 1 seconds"), ("die", "exit code 3"), ("eat", "out of memory")],
)
def test_a_call_beyond_a_limit_is_lost_alone(what: str, why: str, call: BoundedCall) -> None:
    assert call("before") == "BEFORE"
    with pytest.raises(LimitExceededError, match=why):
        call(what)
    assert call("after") == "AFTER"


def test_a_call_that_waits_for_too_long_is_ended() -> None:
    waiting = BoundedCall(_do, limit=1.0, deadline=0.5, memory=1 << 30)
    with pytest.raises(LimitExceededError, match=r"no answer within 0\.5 seconds"):
        waiting("sleep")
    waiting.close()


def test_what_the_function_raises_is_raised(call: BoundedCall) -> None:
    with pytest.raises(KeyError, match="fail"):
        call("fail")
    with pytest.raises(RuntimeError, match="pickle"):
        call("strange")
    assert call("after") == "AFTER"


def test_what_it_prints_does_not_reach_stdout(call: BoundedCall, capfd: pytest.CaptureFixture[str]) -> None:
    assert call("print") is True
    assert capfd.readouterr().out == ""
