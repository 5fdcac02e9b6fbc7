"""Run a program: as a script that reads standard input, or as a module whose functions are called from outside.

Calls arrive as lines of JSON and are answered in the same way. Whatever the program does to this process, it can only
change what its functions return: who asks, and what is expected, is in other processes.
"""

from __future__ import annotations

import json
import os
import sys
import types
from collections.abc import Callable
from typing import Any, BinaryIO

from .limits import STARTED, more_seconds, set_limits
from .plain_values import decode, encode

_LONGEST = 200  # characters of a text that describes an object or an error


def main() -> None:
    """Do the job that /harness/job.json describes."""
    os.write(2, STARTED)
    with open("/harness/job.json", encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes a third of the start
        job = json.load(file)
    set_limits(job["limits"])
    sys.set_int_max_str_digits(0)
    more_seconds(job["limits"]["seconds"])
    if job["kind"] == "script":
        _run_script(job)
    else:
        _serve(job)


def _run_script(job: dict[str, Any]) -> None:
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = ["program.py"]
    exec(compile(job["source"], "program.py", "exec", dont_inherit=True), module.__dict__)


def _serve(job: dict[str, Any]) -> None:
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    served = _Served(job, asked, answers)
    served.answer("start", served.start)
    for line in served.asked:
        call = json.loads(line)
        more_seconds(job["limits"]["seconds"])
        served.answer(call["id"], lambda call=call: served.do(call))  # type: ignore[misc]


class _Served:
    """The program as a module, and the objects of its that the tests hold."""

    def __init__(self, job: dict[str, Any], asked: BinaryIO, answers: BinaryIO) -> None:
        self.asked, self._answers, self._job = asked, answers, job
        self._module = types.ModuleType("program")
        self._held: list[Any] = []

    def start(self) -> dict[str, Any]:
        """Execute the program's text, after what comes before it."""
        sys.modules["program"] = self._module
        for place, source in enumerate([*self._job["before"], self._job["source"]]):
            name = "program.py" if place == len(self._job["before"]) else "before.py"
            exec(compile(source, name, "exec", dont_inherit=True), self._module.__dict__)
        return {"value": None}

    def do(self, call: dict[str, Any]) -> dict[str, Any]:
        """Look a name up, or call, read or list an object that was returned before."""
        kind = call["do"]
        if kind == "get":
            return {"value": self._sent(self._named(call["name"]))}
        target = self._held[call["of"]]
        if kind == "attribute":
            return {"value": self._sent(getattr(target, call["name"]))}
        if kind == "list":
            return {"value": self._sent(list(target))}
        args = [decode(each, self._held.__getitem__) for each in call["args"]]
        named = {key: decode(each, self._held.__getitem__) for key, each in call["named"].items()}
        returned = self._sent(target(*args, **named))
        after = [self._sent(each) if isinstance(each, list | dict | set | bytearray) else None for each in args]
        changed = {str(place): each for place, each in enumerate(after) if each not in (None, call["args"][place])}
        return {"value": returned} | ({"changed": changed} if changed else {})

    def answer(self, number: str, act: Callable[[], dict[str, Any]]) -> None:
        """Send what an action returns or raises. SystemExit is an error of the program's here, not its end."""
        try:
            said = act()
            line = json.dumps({"id": number, **said})
        except BaseException as error:  # all that a program can raise
            kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins"]
            said = {"kinds": kinds, "name": type(error).__name__, "text": _text(error)}
            line = json.dumps({"id": number, "error": said})
        self._answers.write(line.encode() + b"\n")
        self._answers.flush()

    def _named(self, name: str) -> Any:
        """Return a global of the program, or a method of its class Solution, as LeetCode has them."""
        names = self._module.__dict__
        if name not in names and hasattr(names.get("Solution"), name):
            return getattr(names["Solution"](), name)
        if name not in names:
            raise NameError(f"the program defines no {name}")
        return names[name]

    def _sent(self, value: Any) -> Any:
        return encode(value, self._hold)

    def _hold(self, value: Any) -> Any:
        self._held.append(value)
        return {"reference": [len(self._held) - 1, type(value).__name__]}


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_LONGEST]
    except BaseException:  # its __str__ is the program's
        return ""
