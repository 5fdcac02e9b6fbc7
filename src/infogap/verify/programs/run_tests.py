"""Run a program against its task's tests: each side in a sandbox of its own, joined by this process.

Scripts are run once for each case. Functions are called in one process for all tests; assertions run in a second one,
and every call from there to here is passed on under a new random number, which only its answer can carry.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from infogap.verify.programs import bubblewrap
from infogap.verify.programs.bubblewrap import FOREIGN_MESSAGE, EndedError, Sandbox, SandboxError
from infogap.verify.programs.sandboxed.plain_values import UnsendableError, decode, encode
from infogap.verify.programs.task_tests import Case, TaskTests, call_text

_LONGEST = 160  # characters of each part of a detail
_ADDRESS = " at 0x"

# What LeetCode imports for an answer, and what harnesses of its tasks therefore do.
COMMON_IMPORTS = """\
import bisect, collections, copy, functools, heapq, itertools, math, operator, random, re, string, sys
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
from typing import *
"""


@dataclass(frozen=True)
class Outcome:
    """How many of a program's tests passed, and the first that did not, in short; None where all passed."""

    passed: int
    total: int
    failing: str | None

    @property
    def score(self) -> float:
        return self.passed / self.total


@dataclass(frozen=True)
class Program:
    """A program's text, and what is executed before it."""

    source: str
    before: tuple[str, ...] = ()


def run_tests(program: Program, tests: TaskTests) -> Outcome:
    """Run all tests, up to the first that reaches a limit or ends the program; the others then count as not passed.

    Raises SandboxError where the sandbox fails, and UnsendableError where the tests ask for what it cannot do.
    """
    until = time.monotonic() + bubblewrap.ALL_TESTS
    if tests.code is not None:
        return _assertions(program, tests, until)
    return _calls(program, tests, until) if tests.are_calls else _scripts(program, tests, until)


# Standard input and output


def _scripts(program: Program, tests: TaskTests, until: float) -> Outcome:
    passed, first = 0, None
    for number, case in enumerate(tests.cases, 1):
        goes_on, wrong = _script(program, case, until)
        passed += wrong is None
        if wrong is not None and first is None:
            first = f"test {number} of {len(tests.cases)}, input {short(case.input)}: {wrong}"
        if not goes_on:
            break
    return Outcome(passed, len(tests.cases), first)


def _script(program: Program, case: Case, until: float) -> tuple[bool, str | None]:
    """Run one case; return whether the next may follow, and what is wrong, or None."""
    wanted = f"expected {short(case.output)}"
    with Sandbox("program", {"kind": "script", "source": program.source}) as sandbox:
        try:
            output = sandbox.run_to_end(str(case.input).encode(), _soon(until))
        except EndedError as error:
            return not error.by_limit, f"{wanted}, {short(str(error), quoted=False)}"
    text = output.decode(errors="replace")
    return True, None if same_output(text, str(case.output)) else f"{wanted}, got {short(text)}"


def same_output(output: str, expected: str) -> bool:
    """Whether two outputs have the same words line by line; white space around and between words does not count.

    Lines of numbers are compared as numbers, exactly: 1.0 is 1.00. Decimals are not rounded.
    """
    given, wanted = ([line.split() for line in text.strip().splitlines()] for text in (output, expected))
    return len(given) == len(wanted) and all(
        one == other or _same_numbers(one, other) for one, other in zip(given, wanted, strict=True)
    )


def _same_numbers(given: list[str], wanted: list[str]) -> bool:
    try:
        return [Decimal(word) for word in given] == [Decimal(word) for word in wanted]
    except InvalidOperation:
        return False


# Calls of a function


class _Functions:
    """A program whose functions are called in its sandbox."""

    def __init__(self, sandbox: Sandbox, until: float) -> None:
        self._sandbox, self._until = sandbox, until

    def start(self) -> None:
        """Wait until the program's text has been executed. Raises EndedError if it fails."""
        reply = _checked(self._sandbox.hear(_soon(self._until)), "start")
        if "error" in reply:
            raise EndedError(raised(reply["error"]))

    def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Pass a request on, and return the answer without its number. Raises EndedError if another answer comes."""
        number = secrets.token_hex(16)
        return _checked(self._sandbox.ask(request | {"id": number}, _soon(self._until)), number)


def _checked(reply: dict[str, Any], number: str) -> dict[str, Any]:
    """Return an answer without its number. Raises EndedError if it is not the answer to the request of this number."""
    its_own = reply.pop("id", None) == number
    if not its_own or not ("value" in reply or isinstance(reply.get("error"), dict)):
        raise EndedError(FOREIGN_MESSAGE)
    return reply


def _job(program: Program) -> dict[str, Any]:
    return {"kind": "functions", "source": program.source, "before": list(program.before)}


def _calls(program: Program, tests: TaskTests, until: float) -> Outcome:
    total, passed, first = len(tests.cases), 0, None
    with Sandbox("program", _job(program)) as sandbox:
        functions = _Functions(sandbox, until)
        try:
            functions.start()
            found = functions.reply({"do": "get", "name": tests.entry_point})
            if "error" in found:
                return Outcome(0, total, raised(found["error"]))
            number = int(found["value"]["reference"][0])
        except EndedError as error:
            return Outcome(0, total, short(str(error), quoted=False))
        except (TypeError, KeyError, IndexError, ValueError):
            return Outcome(0, total, f"{tests.entry_point} is no function")
        for place, case in enumerate(tests.cases, 1):
            test = f"test {place} of {total}, {short(call_text(tests, case), quoted=False)}"
            try:
                wrong = _call(functions, number, case)
            except EndedError as error:
                said = f"{test}: expected {short(case.output)}, {short(str(error), quoted=False)}"
                return Outcome(passed, total, first or said)
            passed += wrong is None
            first = first or (None if wrong is None else f"{test}: expected {short(case.output)}, {wrong}")
    return Outcome(passed, total, first)


def _call(functions: _Functions, number: int, case: Case) -> str | None:
    """Call the function for one case; return what is wrong, or None."""
    args = [encode(each, _no_data) for each in case.input]
    reply = functions.reply({"do": "call", "of": number, "args": args, "named": {}})
    if "error" in reply:
        return raised(reply["error"])
    try:
        value = decode(reply["value"], _object)
    except UnsendableError as error:
        return str(error)
    accepted = [case.output]
    if case.either and isinstance(case.output, list) and len(case.output) == 1:
        accepted += case.output
    return None if any(_as_lists(value) == _as_lists(each) for each in accepted) else f"got {short(value)}"


def _no_data(value: Any) -> Any:
    raise UnsendableError(f"a case has a {type(value).__name__} among its arguments")


class _Object:
    """What a program returned and is no data: equal to nothing."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __repr__(self) -> str:
        return f"<{self._kind}>"


def _object(reference: Any) -> _Object:
    return _Object(str(reference[1]))


def _as_lists(value: Any) -> Any:
    """Return a value with lists for tuples: JSON, in which results are stated, has no others."""
    if isinstance(value, list | tuple):
        return [_as_lists(each) for each in value]
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _as_lists(each) for key, each in value.items()}
    return value


# Assertions


def _assertions(program: Program, tests: TaskTests, until: float) -> Outcome:
    job = {"tests": tests.code, "starter": tests.starter, "setup": tests.setup, "entry_point": tests.entry_point}
    with Sandbox("program", _job(program)) as sandbox:
        functions = _Functions(sandbox, until)
        ended: str | None = None
        try:
            functions.start()
        except EndedError as error:
            ended = str(error)
        with Sandbox("assertions", job) as asserting:
            while True:
                try:
                    message = asserting.hear(until)
                except EndedError as error:
                    raise _fault_of_tests(error) from error
                if "result" in message:
                    return _reported(message["result"], ended)
                try:
                    reply = {"ended": True} if ended is not None else functions.reply(message)
                except EndedError as error:
                    ended, reply = str(error), {"ended": True}
                asserting.tell(reply)


def _fault_of_tests(error: EndedError) -> Exception:
    if error.by_limit:
        return error
    return SandboxError(f"the tests ended their own process: {error}")


def _reported(result: dict[str, Any], ended: str | None) -> Outcome:
    if "problem" in result:
        raise UnsendableError(str(result["problem"]))
    passed, total, failure = int(result["passed"]), int(result["total"]), result["failure"]
    if failure is None and ended is None:
        return Outcome(passed, total, None)
    said = _described(failure or {})
    if ended is not None:
        why = short(ended, quoted=False)
        # Tests that catch everything can pass after the program's end: it has not passed all of them.
        return Outcome(min(passed, total - 1), total, f"{said}: {why}" if said else why)
    return Outcome(passed, total, said)


def _described(failure: dict[str, str]) -> str:
    said = short(failure.get("test", ""), quoted=False)
    call = failure.get("call", "")
    said += f" (after {short(call, quoted=False)})" if call else ""
    if "raised" in failure:
        return f"{said}: raised {short(failure['raised'], quoted=False)}"
    if "got" in failure:
        expected, got = (short(failure[key], quoted=False) for key in ("expected", "got"))
        return f"{said}: expected {expected}, got {got}"
    return said


def raised(error: dict[str, Any]) -> str:
    """Return an exception of a program's in words."""
    name, text = str(error.get("name")), str(error.get("text") or "")
    return f"raised {short(f'{name}: {text}' if text else name, quoted=False)}"


def short(value: Any, *, quoted: bool = True) -> str:
    """Return a value on one printable line of bounded length, the same in every run."""
    try:
        text = repr(value) if quoted else str(value)
    except Exception:  # an integer of more digits than Python writes
        return f"<{type(value).__name__}>"
    line = " ".join(text[: 4 * _LONGEST].split())
    line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
    while _ADDRESS in line:
        before, _, after = line.partition(_ADDRESS)
        line = before + after.lstrip("0123456789abcdef")
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def _soon(until: float) -> float:
    return min(time.monotonic() + bubblewrap.WAIT, until)
