"""Stop long work on Ctrl-C: the first sends no new requests and waits for those in flight, a second one stops now.

Only SIGINT is handled. SIGTERM keeps its default and ends the process at once, at the cost of what is in flight: its
senders (Slurm, Kubernetes, systemd) wait for less than answers take, and would read exit code 0 as finished work.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TypeVar

from infogap.console import output
from infogap.errors import StoppedError

LONGEST_WAIT = 60.0  # seconds from the first Ctrl-C for what is in flight to finish

# Written over a progress bar where there is one: carriage return, erase the line.
_CLEAR_LINE = "\r\x1b[2K"

Result = TypeVar("Result")


class Stopping:
    """The state of a stop by Ctrl-C.

    `asked`: start nothing new; `overdue`: the wait ended before everything had finished; `at_once`: stop now.
    """

    def __init__(self, longest_wait: float) -> None:
        self.asked = False
        self.overdue = False
        self.at_once = False
        self._longest_wait = longest_wait
        self._left = False
        self._process = os.getpid()

    def interrupted(self, _signal: int, _frame: FrameType | None) -> None:
        """Handle SIGINT. Python calls this in the main thread, between any two bytecodes."""
        if os.getpid() != self._process:  # a forked child inherits the handler, but has nothing to finish
            raise KeyboardInterrupt
        if self.asked:
            self.at_once = True
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt
        self.asked = True
        # An alarm rather than a timer thread: a signal interrupts whatever the main thread waits for, and this one
        # cannot be mistaken for a second Ctrl-C.
        signal.signal(signal.SIGALRM, self._too_late)
        signal.setitimer(signal.ITIMER_REAL, self._longest_wait)
        self._announce()

    def leave(self) -> None:
        """Cancel the alarm, and ignore one that is already on its way: the work ended in time."""
        self._left = True
        if self.asked:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _too_late(self, _signal: int, _frame: FrameType | None) -> None:
        if self._left or self.at_once:
            return
        self.overdue = True
        raise KeyboardInterrupt

    def _announce(self) -> None:
        if output.quiet:
            return
        text = f"finishing what is in flight, at most {self._longest_wait:g} s; Ctrl-C again stops now\n"
        # Straight to the file: the signal may have interrupted a write to stderr, which is not reentrant.
        clear = _CLEAR_LINE if os.isatty(2) else ""
        with suppress(OSError):  # stderr is closed
            os.write(2, (clear + text).encode())


@contextmanager
def stopping(longest_wait: float | None = None) -> Iterator[Stopping]:
    """Handle Ctrl-C while the block runs.

    The first one sets `asked`. A second one raises KeyboardInterrupt wherever the block is, and so does the end of
    `longest_wait` (in seconds, by default LONGEST_WAIT), which sets `overdue`. Does nothing outside the main thread,
    or if the program handles or ignores SIGINT itself.
    """
    stop = Stopping(LONGEST_WAIT if longest_wait is None else longest_wait)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield stop
        return
    alarm = signal.getsignal(signal.SIGALRM)
    signal.signal(signal.SIGINT, stop.interrupted)
    try:
        yield stop
    finally:
        try:
            stop.leave()
        finally:  # the signal may arrive in `leave`
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if stop.asked:
                signal.signal(signal.SIGALRM, alarm)


def run_stoppable(work: Callable[[Stopping], Result], stopped: Callable[[], StoppedError]) -> Result:
    """Return `work(stop)`; raise `stopped()` if Ctrl-C was pressed meanwhile, even if the work was finished by then.

    `work` should start nothing new once `stop.asked` is set. Raises KeyboardInterrupt at the second Ctrl-C.
    """
    stop = None
    try:
        with stopping() as stop:
            result = work(stop)
    except KeyboardInterrupt:
        if stop is not None and stop.overdue:
            raise stopped() from None
        raise
    if stop.at_once:  # the interrupt was lost where Python lets none out: in the closing of a generator
        raise KeyboardInterrupt
    if stop.asked:  # the last requests were in flight: this work is complete, but the command ends here
        raise stopped()
    return result
