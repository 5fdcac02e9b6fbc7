"""Run a task's assertions in a sandbox of their own, apart from the program that they test.

The program's functions are stand-ins here: a call goes to the program's process, and what it returns is built again
from plain data. So a program cannot reach the assertions, nor decide how they compare.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import sys
import types
from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO

from .failures import AssertionFailedError, failure, with_reports
from .limits import STARTED, more_seconds, set_limits
from .plain_values import UnsendableError, decode, encode


class _ProgramEndedError(BaseException):
    """The program's process has ended: no test can go on. No Exception, which tests may catch."""


class Stand:
    """Stands for an object of the program: a function, mostly."""

    def __init__(self, program: Program, number: int, kind: str) -> None:
        self._program, self._number, self._kind = program, number, kind

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._program.call(self._number, args, named)

    def __getattr__(self, name: str) -> Any:
        return self._program.ask(do="attribute", of=self._number, name=name)

    def __getitem__(self, key: Any) -> Any:
        return self.__getattr__("__getitem__")(key)

    def __len__(self) -> int:
        try:
            return int(self.__getattr__("__len__")())
        except AttributeError as error:  # what `list` expects of an iterator
            raise TypeError(f"object of type '{self._kind}' has no len()") from error

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(self._program.ask(do="list", of=self._number))

    def __repr__(self) -> str:
        return f"<{self._kind}>"

    @property
    def number(self) -> int:
        return self._number


class Program:
    """The program in its own process, by way of the one that started both."""

    def __init__(self, asking: BinaryIO, answers: BinaryIO) -> None:
        self._asking, self._answers = asking, answers
        self.names: dict[int, str] = {}  # of the functions that tests name
        self.last_call = ""

    def named(self, name: str) -> Any:
        """Return a global of the program: data by value, else a stand-in. Raises NameError if it has none."""
        value = self.ask(do="get", name=name)
        if isinstance(value, Stand):
            self.names[value.number] = name
        return value

    def call(self, number: int, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Call an object; containers among the arguments are changed as the program changed its copies."""
        said = [*(repr(each) for each in args), *(f"{key}={each!r}" for key, each in named.items())]
        self.last_call = f"{self.names.get(number, 'it')}({', '.join(said)})"
        sent = {key: encode(each, _reference) for key, each in named.items()}
        reply = self._reply(do="call", of=number, args=[encode(each, _reference) for each in args], named=sent)
        for place, changed in reply.get("changed", {}).items():
            _change(args[int(place)], self._read(changed))
        return self._read(reply["value"])

    def ask(self, **request: Any) -> Any:
        return self._read(self._reply(**request)["value"])

    def _read(self, data: Any) -> Any:
        try:
            return decode(data, self._stand)
        except UnsendableError as error:  # by the program's doing, not by that of the tests
            raise ValueError(str(error)) from error

    def _stand(self, reference: list[Any]) -> Stand:
        number, kind = reference
        return Stand(self, int(number), str(kind))

    def _reply(self, **request: Any) -> dict[str, Any]:
        self.send(request)
        reply: dict[str, Any] = json.loads(self._answers.readline())
        if "ended" in reply:
            raise _ProgramEndedError
        if "error" in reply:
            raise _as_raised(reply["error"])
        return reply

    def send(self, message: dict[str, Any]) -> None:
        self._asking.write(json.dumps(message).encode() + b"\n")
        self._asking.flush()


def _reference(value: Any) -> Any:
    if isinstance(value, Stand):
        return {"reference": value.number}
    raise UnsendableError(f"the tests pass the program a {type(value).__name__}, which is no data")


def _change(container: Any, after: Any) -> None:
    if isinstance(container, list | bytearray):
        container[:] = after
    elif isinstance(container, set | dict):
        container.clear()
        container.update(after)


def _as_raised(error: dict[str, Any]) -> BaseException:
    """Return the built-in exception that the program's is one of, so that tests can expect it."""
    for name in error["kinds"]:
        kind = getattr(builtins, str(name), None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            try:
                raised = kind(error["text"])
            except TypeError:  # such as UnicodeDecodeError, which takes more
                continue
            raised.of_program = str(error["name"])  # type: ignore[attr-defined]
            return raised
    raised = RuntimeError(error["text"])
    raised.of_program = str(error["name"])  # type: ignore[attr-defined]
    return raised


def main() -> None:
    """Run the assertions of /harness/job.json, and report how many passed and what the first failing one was."""
    os.write(2, STARTED)
    with open("/harness/job.json", encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes a third of the start
        job = json.load(file)
    answers, asking = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    set_limits(job["limits"])
    sys.set_int_max_str_digits(0)
    more_seconds(job["limits"]["seconds"])
    program = Program(asking, answers)
    program.send({"result": _run(job, program)})


def _run(job: dict[str, Any], program: Program) -> dict[str, Any]:
    tree = ast.parse(job["tests"])
    counted = [is_test(node) for node in tree.body]
    total, passed, first = sum(counted), 0, None
    names: dict[str, Any] = {}
    try:
        names = _namespace(job, tree, program)
    except NameError as error:
        return {"passed": 0, "total": total, "failure": {"test": str(error)}}
    except _ProgramEndedError:
        return {"passed": 0, "total": total, "failure": None}
    for node, is_one in zip(tree.body, counted, strict=True):
        program.last_call = ""
        more_seconds(job["limits"]["seconds"])
        try:
            exec(compile(with_reports(node, job["tests"]), "tests.py", "exec", dont_inherit=True), names)
            passed += is_one
        except UnsendableError as error:
            return {"problem": str(error)}
        except _ProgramEndedError:
            return {"passed": passed, "total": total, "failure": first or failure(node, job["tests"], None, program)}
        except BaseException as error:  # a test may raise anything, SystemExit too
            first = first or failure(node, job["tests"], error, program)
            if not is_one:  # what the other tests rest on
                break
    return {"passed": passed, "total": total, "failure": first}


def is_test(node: ast.stmt) -> bool:
    """Whether a statement of the tests is a test, and not a definition, an import or an assignment."""
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Constant)
    return isinstance(node, ast.Assert | ast.For | ast.While | ast.With | ast.Try | ast.If)


def _namespace(job: dict[str, Any], tree: ast.Module, program: Program) -> dict[str, Any]:
    """Return the globals of the tests: their task's own definitions, and the program's for all other names."""
    names: dict[str, Any] = {"__name__": "tests", "__fail": AssertionFailedError.raise_one}
    own = {**_defined_by(job["starter"]), **_data_of(job["setup"])}
    names |= {name: value for name, value in own.items() if name != job["entry_point"]}
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    defined = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
    }
    taken = {argument.arg for node in ast.walk(tree) if isinstance(node, ast.arguments) for argument in _all(node)}
    imported = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    caught = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)}
    known = names.keys() | stored | defined | taken | imported | caught | vars(builtins).keys()
    used = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    for name in dict.fromkeys([*([job["entry_point"]] if job["entry_point"] else []), *used]):
        if name in known and name != job["entry_point"]:
            continue
        names[name] = import_module(name) if _is_module(name, tree) else program.named(name)
    return names


def _is_module(name: str, tree: ast.Module) -> bool:
    """Whether tests mean a module by a name, as in `math.isclose` without an import: never the program's own then."""
    in_front = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    return name in sys.stdlib_module_names and bool(uses) and all(id(node) in in_front for node in uses)


def _all(arguments: ast.arguments) -> list[ast.arg]:
    more = [each for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *more]


def _executed(source: str) -> dict[str, Any]:
    """Execute a part of the task; what fails here is left to the program's process."""
    names: dict[str, Any] = {"__name__": "task"}
    try:
        exec(compile(source, "task.py", "exec", dont_inherit=True), names)
    except Exception:
        return {}
    return {name: value for name, value in names.items() if not name.startswith("__")}


def _defined_by(starter: str) -> dict[str, Any]:
    """Return what a task's beginning defines, such as functions that its tests use to check a result."""
    return _executed(starter)


def _data_of(setup: str) -> dict[str, Any]:
    """Return the modules and plain data of a task's setup; its objects live in the program's process."""
    kept = {}
    for name, value in _executed(setup).items():
        try:
            encode(value, _reference)
        except UnsendableError:
            if not isinstance(value, types.ModuleType | types.BuiltinFunctionType) and not _of_library(value):
                continue
        kept[name] = value
    return kept


def _of_library(value: Any) -> bool:
    return getattr(value, "__module__", "task") not in ("task", None)
