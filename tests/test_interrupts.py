"""Ctrl-C while a teacher is asked: real signals, to processes that ask as the openai teacher does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from infogap.interrupts import Stopping, stopping

ASKING = """\
import asyncio, signal, sys, time
from contextlib import asynccontextmanager

from infogap.console import output
from infogap.interrupts import stopping
from infogap.parallel.coroutines import coroutines_as_finished

output.quiet = False
seconds, longest_wait = map(float, sys.argv[1:])


@asynccontextmanager
async def opening():
    yield None


async def answer(_, number):
    print("asked", number, flush=True)
    await asyncio.sleep(seconds)
    return number


def requests():
    for number in range(1000):
        if stop.asked:
            return
        yield number


with stopping(longest_wait) as stop:
    try:
        for number in coroutines_as_finished(requests(), answer, opening, 4):
            print("answered", number, flush=True)
        print("finished")
    except KeyboardInterrupt:
        print("overdue" if stop.overdue else "at once")
time.sleep(0.5)  # no alarm may come any more
restored = signal.getsignal(signal.SIGINT) is signal.default_int_handler
print("restored" if restored and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL else "left behind")
"""
LINE = "finishing what is in flight, at most {} s; Ctrl-C again stops now\n"


@contextmanager
def asking(seconds: float, longest_wait: float) -> Iterator[subprocess.Popen[str]]:
    """A process that has asked for four answers, each of which takes so many seconds."""
    command = [sys.executable, "-c", ASKING, str(seconds), str(longest_wait)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(4):
            assert process.stdout.readline().startswith("asked")
        yield process
        process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[list[str], str]:
    """The lines that a process has printed, and what it said on stderr."""
    printed, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    return printed.splitlines(), said


def test_the_first_interrupt_lets_what_is_in_flight_finish() -> None:
    with asking(1.0, 30) as process:
        process.send_signal(signal.SIGINT)
        printed, said = ended(process)
    assert sorted(printed[:-2]) == [f"answered {number}" for number in range(4)]  # nothing more was asked
    assert printed[-2:] == ["finished", "restored"]
    assert said == LINE.format(30)


def test_the_second_interrupt_stops_at_once() -> None:
    with asking(60.0, 30) as process:
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline() == LINE.format(30)
        process.send_signal(signal.SIGINT)
        printed, said = ended(process)
    assert printed == ["at once", "restored"]
    assert said == ""
    assert time.monotonic() - started < 10


def test_the_wait_ends_though_nothing_finishes() -> None:
    with asking(60.0, 0.3) as process:
        process.send_signal(signal.SIGINT)
        printed, said = ended(process)
    assert printed == ["overdue", "restored"]
    assert said == LINE.format(0.3)


def test_a_wait_that_is_over_when_all_have_finished_counts_for_nothing() -> None:
    with asking(0.6, 0.9) as process:
        process.send_signal(signal.SIGINT)
        printed, _ = ended(process)
    assert printed[-2:] == ["finished", "restored"]


@pytest.mark.parametrize("busy", [True, False])
def test_the_wait_ends_whatever_the_main_thread_does(busy: bool) -> None:
    ends = time.monotonic() + 20
    with pytest.raises(KeyboardInterrupt), stopping(0.1) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        while time.monotonic() < ends:
            if not busy:
                time.sleep(60)
    assert stop.overdue
    assert time.monotonic() < ends


def test_an_alarm_at_any_moment_raises_in_the_block_or_never() -> None:
    """The block ends when the wait does, to within microseconds: in time or overdue, and nothing comes later."""
    outcomes = set()
    for step in range(400):
        length = 0.002 + (step - 200) * 2e-6
        stop: Stopping | None = None
        try:
            with stopping(0.002) as stop:
                os.kill(os.getpid(), signal.SIGINT)
                until = time.perf_counter() + length
                while time.perf_counter() < until:
                    pass
        except KeyboardInterrupt:
            assert stop is not None
            assert stop.overdue
        outcomes.add(stop.overdue)
        assert stop.asked
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    time.sleep(0.01)
    assert outcomes == {True, False}


def test_nothing_changes_where_the_program_handles_the_signal_itself() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping(0.01) as stop:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.05)
        assert not stop.asked
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_nothing_changes_outside_the_main_thread() -> None:
    seen = []

    def work() -> None:
        with stopping() as stop:
            seen.append((stop.asked, signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, signal.default_int_handler)]


def test_a_forked_child_ends_at_once() -> None:
    with stopping(30) as stop:
        child = os.fork()
        if child == 0:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(60)
            except KeyboardInterrupt:
                os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert not stop.asked
