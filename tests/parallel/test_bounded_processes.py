"""What bounds a function: order, limits, deaths, memory - each item alone bears what it does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from infogap.errors import ExternalError
from infogap.parallel.bounded_processes import Given, Lost, bounded
from infogap.parallel.process_limits import limit_memory


def _do(what: str) -> str:
    """Does what it is told, as graders may."""
    match what.split():
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case ["work", seconds]:
            until = time.process_time() + float(seconds)
            while time.process_time() < until:
                pass
        case ["spin"]:
            9**9**9  # one instruction that never ends and never lets go of the interpreter
        case ["exit", code]:
            os._exit(int(code))
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["overflow"]:
            sys.setrecursionlimit(10**9)
            exec("def f(): f()\nf()")
        case ["eat"]:
            try:
                return str(len(b"x" * (4 << 30)))
            except MemoryError:
                return "MemoryError"
        case ["child", path]:
            subprocess.run([sys.executable, "-c", f"import time; time.sleep(1.5); open({path!r}, 'w')"], check=False)
        case ["note", path]:
            with Path(path).open("a") as file:
                file.write("x")
        case ["count", path]:
            with Path(path).open("a") as file:
                file.write("x")
            time.sleep(60)
    return what.upper()


def test_results_come_in_order_and_given_ones_pass_through() -> None:
    items = [Given(number) if number % 3 == 0 else f"item {number}" for number in range(2_000)]
    found = list(bounded(_do, items, limit=30, workers=2))
    assert found == [number if number % 3 == 0 else f"ITEM {number}" for number in range(2_000)]


def test_nothing_is_started_where_all_is_given() -> None:
    before = set(multiprocessing.active_children())
    results = bounded(_do, (Given(number) for number in range(10_000)), limit=1)
    assert next(results) == 0
    assert set(multiprocessing.active_children()) <= before
    assert sum(results) == sum(range(10_000))


@pytest.mark.parametrize(
    ("what", "lost"),
    [
        ("sleep 60", Lost("deadline")),
        ("spin", Lost("time")),
        ("exit 3", Lost("death", 3)),
        ("kill", Lost("death", -signal.SIGKILL)),
    ],
)
def test_what_ends_badly_is_lost_alone(what: str, lost: Lost) -> None:
    items = [f"item {number}" for number in range(40)]
    items[7] = items[8] = items[31] = what
    found = list(bounded(_do, items, limit=0.6, deadline=0.9 if what.startswith("sleep") else 30, workers=2))
    assert found == [lost if item == what else item.upper() for item in items]


def test_a_c_stack_that_overflows_ends_a_process_or_raises() -> None:
    found = list(bounded(_do_caught, ["a", "overflow", "b"], limit=30, workers=1))
    assert (found[0], found[2]) == ("A", "B")
    assert found[1] in ("RecursionError", "MemoryError") or isinstance(found[1], Lost)


def _do_caught(what: str) -> str:
    try:
        return _do(what)
    except (RecursionError, MemoryError) as error:
        return type(error).__name__


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit is set where /proc tells what is taken")
def test_memory_is_bounded() -> None:
    assert list(bounded(_do, ["eat", "a"], limit=60, workers=1, start=partial(limit_memory, 2 << 30))) == [
        "MemoryError",
        "A",
    ]


def test_a_hang_costs_its_limit_once(tmp_path: Path) -> None:
    counted = tmp_path / "begun"
    items = [*map(str, range(30)), f"count {counted}", *map(str, range(30))]
    started = time.monotonic()
    found = list(bounded(_do, items, limit=1.0, deadline=1.0, workers=1))
    assert found[30] == Lost("deadline") and found.count(Lost("deadline")) == 1
    assert counted.read_text() == "x"  # begun once, not tried again
    assert time.monotonic() - started < 10


def test_what_was_done_before_a_hang_is_done_again_but_once(tmp_path: Path) -> None:
    """Quick results wait to be reported together: one that a kill has undone is not put beside the next hang."""
    counted = tmp_path / "done"
    items = [f"note {counted}", *["sleep 60"] * 5]
    found = list(bounded(_do, items, limit=0.4, deadline=0.4, workers=1))
    assert found == [items[0].upper(), *[Lost("deadline")] * 5]
    assert counted.read_text() == "xx"


def test_slow_items_are_not_charged_for_each_other() -> None:
    """Sixteen items of one batch take longer than the limit, none of them alone does."""
    items = ["sleep 0.1"] * 16
    assert list(bounded(_do, items, limit=0.8, deadline=0.8, workers=1)) == ["SLEEP 0.1"] * 16


@pytest.mark.skipif(not hasattr(signal, "ITIMER_PROF"), reason="the system has no timers of processor seconds")
def test_the_limit_is_of_the_processors_time_not_of_the_clocks() -> None:
    items = ["sleep 1.5", "spin", "work 0.2", "work 0.2", "work 0.2"]
    found = list(bounded(_do, items, limit=0.5, deadline=30, workers=1))
    assert found == ["SLEEP 1.5", Lost("time"), *["WORK 0.2"] * 3]


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="the system has no process groups")
def test_what_a_killed_worker_has_started_is_killed_with_it(tmp_path: Path) -> None:
    written = tmp_path / "written"
    assert list(bounded(_do, [f"child {written}"], limit=0.5, deadline=0.5, workers=1)) == [Lost("deadline")]
    time.sleep(1.5)
    assert not written.exists()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no timers")
def test_a_worker_ends_after_its_limit_where_its_parent_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from infogap.parallel.bounded_processes import bounded\n"
        "def hang(path):\n"
        "    Path(path).write_text(str(os.getpid()))\n"
        "    while True: pass\n"
        "if __name__ == '__main__':\n"
        "    list(bounded(hang, [sys.argv[1]], limit=1, workers=1))\n"
        "    time.sleep(60)\n"
    )
    pid_file = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, str(script), str(pid_file)], start_new_session=True)
    while not (pid_file.exists() and pid_file.read_text()):
        time.sleep(0.02)
        assert parent.poll() is None
    parent.kill()
    parent.wait()
    pid = int(pid_file.read_text())
    started = time.monotonic()
    while _is_running(pid):
        assert time.monotonic() - started < 15
        time.sleep(0.1)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def _no_start(reason: str) -> None:
    if reason == "exit":
        os._exit(1)
    raise ImportError(reason)


@pytest.mark.parametrize(
    ("reason", "message"), [("no such library", "ImportError: no such library"), ("exit", "exit code 1")]
)
def test_workers_that_do_not_start_are_an_error(reason: str, message: str) -> None:
    with pytest.raises(ExternalError, match=message):
        list(bounded(_do, ["a"], limit=1, workers=2, start=partial(_no_start, reason)))


def test_leaving_early_ends_the_workers() -> None:
    before = set(multiprocessing.active_children())
    results = bounded(_do, ["sleep 0.1", *["sleep 60"] * 40], limit=60, workers=2)
    assert next(results) == "SLEEP 0.1"
    results.close()
    assert set(multiprocessing.active_children()) <= before


def test_an_unguarded_script_whose_own_functions_run_is_told_what_it_needs(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from infogap.parallel.bounded_processes import bounded\n"
        "def length(text): return len(text)\n"
        "print(list(bounded(length, ['a', 'bb', 'ccc'], limit=5, workers=1)))\n"
    )
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (
        'keep dying (exit code 1); a script whose own functions they run needs `if __name__ == "__main__":`'
        in ran.stderr
    )
    guarded = script.read_text().replace("print", 'if __name__ == "__main__":\n    print')
    script.write_text(guarded)
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert ran.stdout == "[1, 2, 3]\n"
