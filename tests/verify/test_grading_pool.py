"""Worker processes: order, hangs and crashes."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from infogap.verify.base import Grade, Item
from infogap.verify.grading_pool import grade_all

_HANGS = "9^{9^{9^{9}}}"


def _math(gold: str, answer: str) -> Item:
    return Item("math", "", gold, None, answer)


def test_grades_come_in_order_and_others_pass_through() -> None:
    given = Grade("truncated")
    work: list[tuple[str, Item | Grade]] = [
        (str(number), given if number % 5 == 0 else _math(str(number), rf"\frac{{{number * 2}}}{{2}}"))
        for number in range(60)
    ]
    graded = list(grade_all(work, verifiers=["math"], workers=2))
    assert [key for key, _ in graded] == [key for key, _ in work]
    assert all(grade is given if int(key) % 5 == 0 else grade.verdict == "correct" for key, grade in graded)


def test_a_hang_costs_only_its_item() -> None:
    work = [(str(number), _math("7", _HANGS if number == 3 else "14/2")) for number in range(20)]
    graded = dict(grade_all(work, verifiers=["math"], limit=1.0, workers=2))
    assert graded["3"] == Grade("ungradable", _HANGS, None, "grading took more than 1 s")
    assert all(grade.verdict == "correct" for key, grade in graded.items() if key != "3")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see which worker is busy")
def test_a_killed_worker_costs_only_its_item() -> None:
    done = threading.Event()

    def kill_busy_workers() -> None:
        while not done.wait(0.1):
            for process in multiprocessing.active_children():
                if _processor_seconds(process.pid) > 1:
                    process.kill()

    killer = threading.Thread(target=kill_busy_workers)
    killer.start()
    try:
        work = [(str(number), _math("7", _HANGS if number == 3 else "14/2")) for number in range(6)]
        graded = dict(grade_all(work, verifiers=["math"], limit=60, workers=1))
    finally:
        done.set()
        killer.join()
    assert graded["3"] == Grade("ungradable", _HANGS, None, "grading ended its process (signal 9)")
    assert all(grade.verdict == "correct" for key, grade in graded.items() if key != "3")


def _processor_seconds(pid: int | None) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_leaving_early_stops_the_workers() -> None:
    before = set(multiprocessing.active_children())
    work = [(str(number), _math("7", _HANGS)) for number in range(40)]
    work.insert(0, ("first", _math("7", "14/2")))
    results = grade_all([work[0], *[("x", Grade("truncated"))] * 15, *work[1:]], verifiers=["math"], limit=2, workers=2)
    assert next(results)[1].verdict == "correct"
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 20
    assert set(multiprocessing.active_children()) <= before
