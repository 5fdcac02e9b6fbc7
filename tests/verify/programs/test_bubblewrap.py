"""The sandbox: what a program in it can do, and what becomes of one that tries more."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infogap.verify.programs import bubblewrap
from infogap.verify.programs.bubblewrap import EndedError, Sandbox, SandboxError

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "SECONDS", 1)


def run(source: str, given: str = "", wait: float = 60.0) -> str:
    with Sandbox("program", {"kind": "script", "source": source}) as sandbox:
        return sandbox.run_to_end(given.encode(), time.monotonic() + wait).decode()


def ended(source: str, wait: float = 60.0) -> str:
    with pytest.raises(EndedError) as error:
        run(source, wait=wait)
    return str(error.value)


def test_a_program_reads_its_input_and_writes_its_output() -> None:
    assert run("print(input()[::-1])", "straw\n") == "warts\n"
    assert run("import sys\nprint(len(sys.stdin.read()))", "x" * 3_000_000) == "3000000\n"
    assert run("print('y' * 3_000_000)") == "y" * 3_000_000 + "\n"
    assert run("print('need not read it')", "x" * 3_000_000) == "need not read it\n"


def test_it_sees_no_environment_no_home_and_no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "sk-123")
    seen = run("import os, sys\nprint(sorted(os.environ), os.getcwd(), os.listdir('/tmp'), sys.flags.no_site)")
    assert seen == "['LC_CTYPE', 'PWD', 'PYTHONHASHSEED'] /tmp [] 1\n"
    home = str(Path.home())
    assert run(f"import os\nprint(os.path.exists({home + '/.ssh'!r}), os.path.exists({str(Path(__file__))!r}))") == (
        "False False\n"
    )
    assert "No such file" in ended("open('/etc/passwd')")
    assert "No such file" in ended("open('/proc/1/environ')")
    assert "No module named 'infogap'" in ended("import infogap")
    assert "No module named 'numpy'" in ended("import numpy")


def test_it_has_a_small_folder_to_write_to_and_no_other() -> None:
    assert run("open('/tmp/note', 'w').write('x')\nprint(open('/tmp/note').read())") == "x\n"
    assert not Path("/tmp/note").exists()
    for place in ("/x", "/usr/x", "/dev/x", "/dev/shm/x", "/harness/x", "/harness/sandboxed/program.py"):
        assert "Read-only file system" in ended(f"open({place!r}, 'w')")
    too_much = "for i in range(8):\n    open(f'/tmp/{i}', 'wb').write(bytes(4 << 20))"
    assert "No space left on device" in ended(too_much)


def test_there_is_no_network() -> None:
    assert "Network is unreachable" in ended("import socket\nsocket.create_connection(('192.0.2.1', 80), 2)")
    assert "raised" in ended("import urllib.request\nurllib.request.urlopen('http://localhost:8000', timeout=2)")


@pytest.mark.parametrize(
    "source",
    [
        "import os\nwhile True:\n    os.fork()",
        "import subprocess\nsubprocess.run(['/usr/bin/env'])",
        "import multiprocessing\np = multiprocessing.Process(target=print)\np.start()",
    ],
    ids=["fork", "subprocess", "multiprocessing"],
)
def test_it_starts_no_process(source: str) -> None:
    assert "PermissionError" in ended(source)


def test_threads_are_there_and_bounded_by_memory() -> None:
    deep = "import threading\nthreading.stack_size(64 << 20)\nt = threading.Thread(target=print, args=('deep',))\n"
    assert run(deep + "t.start()\nt.join()") == "deep\n"
    bomb = (
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    )
    assert "can't start new thread" in ended(bomb) or "time limit" in ended(bomb)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("while True:\n    pass", "time limit: more than 1 s of processor time"),
        ("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True:\n    pass", "ti"),
        ("x = bytearray(4 << 30)", "raised MemoryError"),
        ("x = []\nwhile True:\n    x.append('y' * 10_000_000)", "raised MemoryError"),
        ("while True:\n    print('y' * 100_000)", "output limit: more than 64 MiB"),
        ("import sys\nwhile True:\n    sys.stderr.write('y' * 100_000)", "output limit: more than 64 MiB"),
        ("def f(n):\n    return f(n + 1)\nf(0)", "raised RecursionError: maximum recursion depth exceeded"),
        ("import os\nos._exit(3)", "the program ended with exit code 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
        ("x = 1 +", "raised SyntaxError: invalid syntax"),
        ("raise ValueError('no')", "raised ValueError: no"),
    ],
)
def test_what_ends_a_program_is_said(source: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "ti":  # it ignores the first signal; the clock ends it, or the hard limit
        assert ended(source, wait=4.0).startswith("time limit")
    else:
        assert ended(source).startswith(why)


def test_a_sleeping_program_is_ended_by_the_clock() -> None:
    began = time.monotonic()
    assert ended("import time\ntime.sleep(600)", wait=1.0).startswith("time limit: ")
    assert time.monotonic() - began < 30


def test_it_reaches_no_process_outside() -> None:
    assert "ProcessLookupError" in ended(f"import os\nos.kill({os.getpid()}, 9)")
    survived = "import os\ntry:\n    os.kill(1, 9)\nexcept OSError:\n    pass\nprint('alone')"
    assert run(survived) == "alone\n"
    assert run("import ctypes\nprint(ctypes.CDLL(None).ptrace(16, 1, 0, 0))") == "-1\n"


@pytest.mark.parametrize(
    "call", ["unshare(0x10000000)", "memfd_create(b'x', 0)", "shmget(0, 1 << 20, 0o1600)", "chroot(b'/')"]
)
def test_calls_that_programs_do_not_need_are_denied(call: str) -> None:
    source = f"import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nprint(libc.{call}, ctypes.get_errno())"
    assert run(source) == "-1 1\n"


def test_sets_of_texts_iterate_alike_every_time() -> None:
    assert len({run("print({'a', 'bc', 'def', 'g', 'h'})") for _ in range(3)}) == 1


def test_a_sandbox_that_is_left_ends_at_once() -> None:
    with Sandbox("program", {"kind": "script", "source": "import time\ntime.sleep(600)"}) as sandbox:
        process = sandbox._process
        assert process.poll() is None
    assert process.poll() is not None


def test_a_sandbox_that_is_left_before_it_has_started_leaves_no_process() -> None:
    for _ in range(20):
        with Sandbox("program", {"kind": "script", "source": "import time\ntime.sleep(600)"}):
            pass
    until = time.monotonic() + 20
    while _of_this_group() and time.monotonic() < until:
        time.sleep(0.05)
    assert _of_this_group() == []


def _of_this_group() -> list[int]:
    """The processes of bubblewrap in this process's group."""
    numbers = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        number = int(status.parent.name)
        try:
            if "(bwrap)" in status.read_text() and os.getpgid(number) == os.getpgid(0) and _runs(number):
                numbers.append(number)
        except OSError:
            continue
    return numbers


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    source = (
        "import sys, time\nfrom infogap.verify.programs.bubblewrap import Sandbox\n"
        "with Sandbox('program', {'kind': 'script', 'source': 'import time\\ntime.sleep(600)'}) as s:\n"
        "    print(s._process.pid, flush=True)\n    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + 20
    while _runs(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(child)


def _runs(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_sandbox_that_does_not_start_is_no_fault_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "_mounts", lambda: ("--ro-bind", "/no/such/folder", "/usr"))
    with pytest.raises(SandboxError, match=r"bwrap: .*/no/such/folder"):
        run("print('bwrap: hello')")


def test_a_program_cannot_pass_its_error_off_as_one_of_the_sandbox() -> None:
    assert ended("import sys\nsys.stderr.write('bwrap: no')\nsys.exit(1)") == "raised bwrap: no"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (
            "executable",
            None,
            "bubblewrap (bwrap), which is not installed: install it with `apt-get install bubblewrap`",
        ),
        ("version", "0.6.1", "it needs bubblewrap 0.7 or newer, and 0.6.1 is installed"),
        ("_mounts", ("--no-such-option",), "cannot make a sandbox here (bwrap: Unknown option --no-such-option)"),
    ],
)
def test_where_there_is_no_sandbox_it_is_said_what_to_do(
    name: str, value: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bubblewrap.problem.cache_clear()
    monkeypatch.setattr(bubblewrap, name, lambda: value)
    try:
        assert said in str(bubblewrap.problem())
    finally:
        bubblewrap.problem.cache_clear()
