"""Start a process in a bubblewrap sandbox, talk with it within limits of time and size, and end it.

Inside there are the system's libraries and the interpreter, read-only, an empty /tmp, and nothing else: no network, no
home, no environment, no other process, no capability. The Python inside is the one that runs infogap, without its
packages. It gets the options of `-I` but `-E`, so that PYTHONHASHSEED makes sets of texts iterate alike every time; no
other variable is set.
"""

from __future__ import annotations

import json
import os
import re
import select
import selectors
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from infogap.verify.programs import system_calls
from infogap.verify.programs.sandboxed.limits import STARTED

SECONDS = 10
"""Processor seconds of one test."""
WAIT = 60.0
"""Seconds by the clock of one test, for programs that sleep or wait."""
ALL_TESTS = 240.0
"""Seconds by the clock of all tests of one program."""
MEMORY = 1 << 30
FILES_SIZE = 16 << 20
OUTPUT = 64 << 20
"""Bytes that a process may write in all; of what it writes to standard error, the last few are kept."""
OPEN_FILES = 64

FOREIGN_MESSAGE = "the program wrote into the channel of the tests"

_INSTALL = "install it with `apt-get install bubblewrap`, or `dnf install bubblewrap`"
_TRIAL = 30.0  # seconds
_KEPT = 4_096  # bytes of standard error
_CHUNK = 1 << 16
_SHELL = 128  # bubblewrap gives a signal's number as shells do
_NEWEST_WITHOUT = (0, 6)  # versions up to here cannot bound the size of /tmp
_START = 'import sys; sys.path.insert(0, "/harness"); from sandboxed.{0} import main; main()'

Module = Literal["program", "assertions"]


class SandboxError(Exception):
    """The sandbox itself failed: nothing can be said about the program."""


class EndedError(Exception):
    """The process has ended or was ended; `str()` says why, as a verdict's detail does.

    `by_limit`: it reached a limit, as it would in the next test.
    """

    def __init__(self, why: str, *, by_limit: bool = False) -> None:
        super().__init__(why)
        self.by_limit = by_limit


@cache
def executable() -> str | None:
    """Return the path of bubblewrap; None where it is not installed."""
    return shutil.which("bwrap")


@cache
def version() -> str | None:
    """Return bubblewrap's version; None where it is not installed."""
    path = executable()
    if path is None:
        return None
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_TRIAL, check=False).stdout
        return said.split()[-1] if said.split() else ""
    return ""


@cache
def problem() -> str | None:
    """Say why no program can be run here, and what to do; None where the sandbox works, which is tried out."""
    if sys.platform != "linux" or not system_calls.is_supported():
        return "it runs programs in bubblewrap, which needs Linux on x86-64 or ARM64"
    if executable() is None:
        return f"it runs programs in bubblewrap (bwrap), which is not installed: {_INSTALL}"
    numbers = tuple(int(part) for part in re.findall(r"\d+", version() or "")[:2])
    if numbers and numbers <= _NEWEST_WITHOUT:
        return f"it needs bubblewrap 0.7 or newer, and {version()} is installed: {_INSTALL}"
    try:
        with Sandbox("program", {"kind": "script", "source": "print(6 * 7)"}) as trial:
            output = trial.run_to_end(b"", time.monotonic() + _TRIAL)
    except (SandboxError, EndedError, OSError) as error:
        reason = str(error)
    else:
        if output.strip() == b"42":
            return None
        reason = "the trial gave no result"
    return (
        f"bubblewrap (bwrap) is installed but cannot make a sandbox here ({reason}): allow user namespaces "
        "(`sysctl kernel.unprivileged_userns_clone=1`, on Ubuntu `kernel.apparmor_restrict_unprivileged_userns=0`; "
        "in a container, `--security-opt seccomp=unconfined`)"
    )


@cache
def _mounts() -> tuple[str, ...]:
    """Return the options that put together the file system of a sandbox."""
    options: list[str] = ["--size", str(FILES_SIZE), "--tmpfs", "/tmp"]
    for name in ("/usr", "/bin", "/lib", "/lib32", "/lib64"):
        path = Path(name)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), name]
        elif path.is_dir():
            options += ["--ro-bind", name, name]
    options += ["--ro-bind-try", "/nix/store", "/nix/store", "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    for prefix in dict.fromkeys([sys.base_prefix, sys.base_exec_prefix]):
        if not Path(prefix).is_relative_to("/usr"):
            options += ["--ro-bind", prefix, prefix]
    options += ["--ro-bind", str(Path(__file__).parent / "sandboxed"), "/harness/sandboxed"]
    return (*options, "--dev", "/dev", "--remount-ro", "/dev")


def _command(module: Module, job: int, calls: int) -> list[str]:
    python = str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())
    return [
        executable() or "bwrap",
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--uid", "65534", "--gid", "65534", "--hostname", "sandbox"),
        *("--cap-drop", "ALL", "--die-with-parent", "--new-session", "--seccomp", str(calls)),
        *_mounts(),
        *("--ro-bind-data", str(job), "/harness/job.json", "--remount-ro", "/", "--chdir", "/tmp"),
        *("--setenv", "PYTHONHASHSEED", "0"),
        *("--", python, "-P", "-s", "-S", "-B", "-X", "utf8", "-c", _START.format(module)),
    ]


def _limits() -> dict[str, int]:
    return {"seconds": SECONDS, "memory": MEMORY, "file_size": FILES_SIZE, "files": OPEN_FILES}


def _memory_file(content: bytes) -> int:
    number = os.memfd_create("infogap")
    os.write(number, content)
    os.lseek(number, 0, os.SEEK_SET)
    return number


class Sandbox:
    """One process in a sandbox of its own. Use it as a context manager: at the end everything in it is killed."""

    def __init__(self, module: Module, job: dict[str, Any]) -> None:
        """Start `module` of `sandboxed/` with a job. Raises SandboxError if bubblewrap does not start."""
        given = [
            _memory_file(json.dumps(job | {"limits": _limits()}).encode()),
            _memory_file(system_calls.seccomp_filter()),
        ]
        try:
            self._process = subprocess.Popen(
                _command(module, *given),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={},
                pass_fds=given,
                bufsize=0,
            )
        except OSError as error:
            raise SandboxError(f"bubblewrap does not start: {error}") from error
        finally:
            for number in given:
                os.close(number)
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._in, self._out, self._errors = self._process.stdin, self._process.stdout, self._process.stderr
        self._unsent = b""
        self._read = bytearray()
        self._said = b""  # the last of standard error
        self._started = False
        self._written = 0
        self._selector = selectors.DefaultSelector()
        for stream in (self._out, self._errors):
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ)
        os.set_blocking(self._in.fileno(), False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._await_start()
        self._kill()
        self._selector.close()
        for stream in (self._in, self._out, self._errors):
            with suppress(OSError):
                stream.close()

    def ask(self, message: dict[str, Any], until: float) -> dict[str, Any]:
        """Send a message and return the next one. Raises EndedError if none comes before `until` (time.monotonic)."""
        self.tell(message)
        return self.hear(until)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message, a line of JSON; it goes out while the next one is awaited."""
        self._unsent += json.dumps(message).encode() + b"\n"

    def hear(self, until: float) -> dict[str, Any]:
        """Return the next message. Raises EndedError if none comes, or if it is no message."""
        while (end := self._read.find(b"\n")) < 0:
            if not self._exchange(until, close_input=False):
                raise self._ended()
        line = bytes(self._read[:end])
        del self._read[: end + 1]
        try:
            message = json.loads(line)
        except (ValueError, RecursionError, MemoryError):
            message = None
        if not isinstance(message, dict):
            raise EndedError(FOREIGN_MESSAGE)
        return message

    def run_to_end(self, given: bytes, until: float) -> bytes:
        """Send input to a script, and return its output once it has ended.

        Raises EndedError if it takes too long, writes too much, fails or is killed.
        """
        self._unsent = given
        while self._exchange(until, close_input=True):
            pass
        ended = self._ended()
        if self._process.returncode:
            raise ended
        return bytes(self._read)

    def _exchange(self, until: float, *, close_input: bool) -> bool:
        """Send and receive what can be; return False once the process has closed its output."""
        if self._unsent and self._in not in self._selector.get_map():
            self._selector.register(self._in, selectors.EVENT_WRITE)
        elif close_input and not self._unsent and not self._in.closed:
            self._in.close()
        left = until - time.monotonic()
        if left <= 0:
            self._kill()
            said = f"time limit: {WAIT:g} s by the clock for one test, {ALL_TESTS:g} s for all"
            raise EndedError(said, by_limit=True)
        for key, _ in self._selector.select(left):
            if key.fileobj is self._in:
                self._send()
            elif not self._receive(key.fileobj):
                self._selector.unregister(key.fileobj)
        if self._written > OUTPUT:
            self._kill()
            raise EndedError(f"output limit: more than {OUTPUT >> 20} MiB", by_limit=True)
        return self._out in self._selector.get_map()

    def _send(self) -> None:
        try:
            sent = os.write(self._in.fileno(), self._unsent[:_CHUNK])
        except BlockingIOError:
            return
        except OSError:  # it has closed its input: a script need not read all of it
            sent = len(self._unsent)
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._selector.unregister(self._in)

    def _receive(self, stream: Any) -> bool:
        """Take in what a stream has; return False at its end."""
        chunk = os.read(stream.fileno(), _CHUNK)
        self._written += len(chunk)
        if stream is self._errors:
            self._hear_errors(chunk)
        else:
            self._read += chunk
        return bool(chunk)

    def _ended(self) -> EndedError:
        """Wait for the process, and return how it ended. Raises SandboxError if bubblewrap failed."""
        try:
            code = self._process.wait(_TRIAL)
        except subprocess.TimeoutExpired:  # it closed its output and goes on
            self._kill()
            return EndedError("time limit: the program closed its output and did not end", by_limit=True)
        with suppress(OSError):
            while chunk := os.read(self._errors.fileno(), _CHUNK):
                self._hear_errors(chunk)
        said = self._said.decode(errors="replace").strip()
        if not self._started:
            raise SandboxError(said.splitlines()[-1] if said else f"bubblewrap ended with exit code {code}")
        return _ending(code, said)

    def _hear_errors(self, chunk: bytes) -> None:
        if not self._started and STARTED in chunk:
            self._started, self._said = True, b""
            chunk = chunk.partition(STARTED)[2]
        self._said = (self._said + chunk)[-_KEPT:]

    def _await_start(self) -> None:
        """Wait until the process has started: before, bubblewrap's child does not yet die with bubblewrap."""
        until = time.monotonic() + _TRIAL
        while not self._started and self._process.poll() is None and (left := until - time.monotonic()) > 0:
            if select.select([self._errors], [], [], left)[0]:
                chunk = os.read(self._errors.fileno(), _CHUNK)
                self._hear_errors(chunk)
                if not chunk:
                    return

    def _kill(self) -> None:
        """Kill bubblewrap: the first process of the sandbox dies with it, and the kernel kills the rest."""
        self._process.kill()
        self._process.wait()


def _ending(code: int, said: str) -> EndedError:
    number = code - _SHELL if code > _SHELL else -code
    if number == signal.SIGXCPU:
        return EndedError(f"time limit: more than {SECONDS} s of processor time", by_limit=True)
    if number > 0:
        with suppress(ValueError):
            return EndedError(f"ended by {signal.Signals(number).name}", by_limit=number == signal.SIGKILL)
    if code == 1 and said:
        return EndedError(f"raised {said.splitlines()[-1]}")
    return EndedError(f"the program ended with exit code {code}")
