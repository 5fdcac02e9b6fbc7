"""Call a function in a process of its own, one argument at a time; a call that exceeds the limits is lost alone.

For calls that have to be answered one by one; many items at once are the business of `bounded_processes`.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from infogap.errors import ExternalError
from infogap.parallel.process_limits import START_LIMIT, end_after, end_process, limit_memory, out_of_time, stand_apart
from infogap.parallel.unguarded_scripts import of_the_script, script_left_alone

_READY = "ready"


class LimitExceededError(Exception):
    """The call took too much time or memory, or ended its process; the message says which."""


class BoundedCall:
    """A function that is called in a worker process.

    `limit` is in processor seconds, `deadline` in seconds by the clock, `memory` in bytes beyond what the process
    starts with. The process is started by the first call, serves one call at a time, and ends with this one.
    """

    def __init__(self, function: Callable[[Any], Any], *, limit: float, deadline: float, memory: int) -> None:
        self._function, self._limit, self._deadline, self._memory = function, limit, deadline, memory
        self._lock = threading.Lock()
        self._process: Any = None
        self._connection: Connection | None = None

    def __call__(self, argument: Any) -> Any:
        """Return `function(argument)`. Raises what it raises, LimitExceededError if there is no answer."""
        with self._lock:
            connection = self._connection or self._start()
            try:
                connection.send(argument)
                answered = connection.poll(self._deadline)
                raised, value = connection.recv() if answered else (None, None)
            except (EOFError, OSError):
                self._process.join(START_LIMIT)
                code = self._process.exitcode
                self.close()
                why = f"more than {self._limit:g} seconds" if out_of_time(code) else f"exit code {code}"
                raise LimitExceededError(why) from None
            except BaseException:
                self.close()  # whatever answer still comes is of this call
                raise
            if not answered:
                self.close()
                raise LimitExceededError(f"no answer within {self._deadline:g} seconds")
        if isinstance(raised, MemoryError):
            raise LimitExceededError("out of memory")
        if raised is not None:
            raise raised
        return value

    def close(self) -> None:
        """End the process; the next call starts another one."""
        if self._process is not None:
            end_process(self._process)
        if self._connection is not None:
            self._connection.close()
        self._process = self._connection = None

    def _start(self) -> Connection:
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        context: Any = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        arguments = (self._function, self._limit, self._memory, theirs)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        with script_left_alone(not of_the_script(self._function)):
            self._process.start()
        theirs.close()  # so that the connection ends when the process dies
        self._connection = ours
        with suppress(EOFError, OSError):
            if ours.poll(START_LIMIT) and ours.recv() == _READY:
                return ours  # type: ignore[no-any-return]
        self.close()
        raise ExternalError("a worker process does not start")


# In the worker


def _serve(function: Callable[[Any], Any], limit: float, memory: int, connection: Connection) -> None:
    stand_apart()
    connection.send(_READY)
    limit_memory(memory)
    while True:
        try:
            argument = connection.recv()
        except EOFError:  # the parent is gone
            return
        end_after(limit)
        answer = _answer(function, argument)
        end_after(None)
        try:
            connection.send(answer)
        except Exception as error:  # an answer, or an exception, that cannot be pickled
            connection.send((RuntimeError(f"{type(error).__name__}: {error}"[:500]), None))


def _answer(function: Callable[[Any], Any], argument: Any) -> tuple[BaseException | None, Any]:
    try:
        return None, function(argument)
    except BaseException as error:
        return error, None
