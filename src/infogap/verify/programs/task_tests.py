"""The tests of a task, as datasets have them, and as the gold answer that the tasks table stores.

The gold answer is a JSON object, so that it says all there is to know wherever it goes:

| key | content |
| --- | --- |
| `tests` | code: assertions, or a function `check` and its call; or a list of cases `{input, output}` |
| `entry_point` | the function that the tests call; without it, cases are for standard input and output |
| `starter` | the beginning of the program, which an answer may continue |
| `setup` | code that is executed before the answer |
"""

from __future__ import annotations

import ast
import base64
import io
import json
import pickle
import sys
import zlib
from dataclasses import dataclass
from typing import Any

from infogap.verify.programs.sandboxed.assertions import is_test

MOST_TESTS = 64 << 20
"""Bytes that the compressed tests of one task may unpack to."""
_COLUMNS = ("entry_point", "starter", "setup")
_CHECK = "check"  # the function of HumanEval's tests, which takes the entry point


@dataclass(frozen=True)
class Case:
    """One case: what a script reads and must write, or a function's arguments and its result.

    `either`: the expected value is in a list of one, as some datasets wrap results, or is that list.
    """

    input: Any
    output: Any
    either: bool = False


@dataclass(frozen=True)
class TaskTests:
    """A task's tests: `code`, or else `cases`."""

    code: str | None
    cases: tuple[Case, ...]
    entry_point: str | None
    starter: str
    setup: str

    @property
    def are_calls(self) -> bool:
        """Whether cases call a function; others are for standard input and output."""
        return self.entry_point is not None


class TestsProblemError(ValueError):
    """Tests that cannot be used; `str()` says why."""

    __test__ = False  # no test of pytest's, whatever its name


def as_gold(tests: str, columns: dict[str, str | None]) -> str:
    """Return the gold answer for the text of a dataset's tests, and the columns beside it.

    A text that is such a gold answer already stays as it is, and so does one that is not understood: `read_tests` says
    why it cannot be used.
    """
    value = _json(tests)
    if isinstance(value, dict) and "tests" in value:
        return tests
    if more := columns.get("more_tests"):
        value = [tests, more]
    known = {name: text for name in _COLUMNS if (text := columns.get(name))}
    if isinstance(value, list) and all(isinstance(each, str) for each in value) and _is_code(value):
        value = "\n".join(value)
    elif not isinstance(value, list | dict):
        value = tests
    if known.get("setup") is not None:
        lines = _json(known["setup"])  # a list of imports, as in the sanitized MBPP
        known["setup"] = "\n".join(lines) if isinstance(lines, list) else known["setup"]
    try:
        cases, name = (None, None) if isinstance(value, str) else _cases(value)
    except (TypeError, ValueError, KeyError, TestsProblemError):
        cases, name = None, None
    if cases is not None:
        value = cases
        known |= {"entry_point": name} if name is not None else {}
    if isinstance(value, str) and known.get("entry_point") and _only_defines_check(value):
        value = f"{value}\n\n{_CHECK}({known['entry_point']})"
    whole = {"tests": value, **{key: text for key, text in known.items() if text}}
    return json.dumps(whole, sort_keys=True)  # not by orjson, whose integers are short


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text.lstrip()[:1] in ("[", "{") else None
    except (ValueError, RecursionError):
        return None


def _is_code(texts: list[str]) -> bool:
    """Whether texts are assertions, and not themselves JSON or compressed lists of cases."""
    return bool(texts) and not any(text.lstrip()[:1] in ("[", "{") or _unpacked(text) is not None for text in texts)


def _only_defines_check(code: str) -> bool:
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    defines = any(isinstance(node, ast.FunctionDef) and node.name == _CHECK for node in body)
    return defines and not any(isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) for node in body)


def _cases(value: Any) -> tuple[list[dict[str, Any]], str | None]:
    """Return all cases, and the function's name if the value states it.

    A value is a list of cases; a list of texts, each such a list or LiveCodeBench's compressed form of one; or an
    object of `inputs` and `outputs`, as APPS and TACO have it.
    """
    if isinstance(value, dict):
        return _paired(value)
    cases: list[dict[str, Any]] = []
    name = None
    for each in value:
        if isinstance(each, str):
            more, its_name = _cases(_json(each) if _json(each) is not None else json.loads(_unpacked(each) or ""))
            cases, name = [*cases, *more], name or its_name
        else:
            cases.append({key: each[key] for key in ("input", "output", "testtype") if key in each})
    return cases, name


def _paired(value: dict[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    inputs, outputs, name = value["inputs"], value["outputs"], value.get("fn_name")
    if len(inputs) != len(outputs):
        raise TestsProblemError("as many inputs as outputs are needed")
    if name is None:
        return [
            {"input": _lines(given), "output": _lines(wanted)} for given, wanted in zip(inputs, outputs, strict=True)
        ], None
    return [
        {"input": given, "output": wanted, "either": True} for given, wanted in zip(inputs, outputs, strict=True)
    ], str(name)


def _lines(text: Any) -> str:
    """Return the text of an input or output, which some rows give as a list of lines."""
    return "\n".join(map(str, text)) if isinstance(text, list) else str(text)


class _TextOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is no text")


def _unpacked(text: str) -> str | None:
    """Return what LiveCodeBench compresses: a pickled text, zlib, base64. No object but texts is ever made."""
    try:
        unpack = zlib.decompressobj()
        packed = unpack.decompress(base64.b64decode(text, validate=True), MOST_TESTS)
        if unpack.unconsumed_tail:
            return None
        unpickled = _TextOnly(io.BytesIO(packed)).load()
    except (ValueError, zlib.error, pickle.UnpicklingError, EOFError, IndexError, KeyError, AttributeError, TypeError):
        return None
    return unpickled if isinstance(unpickled, str) else None


def read_tests(gold: str) -> TaskTests:
    """Read a gold answer, or a text that `as_gold` understands. Raises TestsProblemError where it has no usable tests.

    Tests and setup may import only the standard library: the sandbox has no other.
    """
    value = json.loads(as_gold(gold, {}))
    tests = value["tests"]
    known = {name: str(value.get(name) or "") for name in _COLUMNS}
    entry_point = known["entry_point"] or None
    if isinstance(tests, str):
        _check_code(tests, known["setup"])
        return TaskTests(tests, (), entry_point, known["starter"], known["setup"])
    if not isinstance(tests, list) or not tests or not all(isinstance(each, dict) for each in tests):
        raise TestsProblemError("the tests are neither code nor cases with input and output")
    cases = tuple(_case(each, calls=entry_point is not None) for each in tests)
    return TaskTests(None, cases, entry_point, known["starter"], known["setup"])


def _case(case: dict[str, Any], *, calls: bool) -> Case:
    if "input" not in case or "output" not in case:
        raise TestsProblemError("a case needs both input and output")
    if not calls and case.get("testtype") == "functional":
        raise TestsProblemError("the cases are calls of a function: map `entry_point`")
    if not calls:
        return Case(_lines(case["input"]), _lines(case["output"]))
    given, wanted = case["input"], case["output"]
    try:
        given = [json.loads(line) for line in given.splitlines() if line.strip()] if isinstance(given, str) else given
        wanted = json.loads(wanted) if isinstance(case["input"], str) and isinstance(wanted, str) else wanted
    except (ValueError, RecursionError) as error:
        raise TestsProblemError("a case's arguments, one a line, or its result are not JSON") from error
    if not isinstance(given, list):
        raise TestsProblemError("a case's arguments are not a list")
    return Case(given, wanted, bool(case.get("either")))


def _check_code(tests: str, setup: str) -> None:
    for name, code in (("tests are", tests), ("setup is", setup)):
        try:
            tree = ast.parse(code)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise TestsProblemError(f"the {name} not Python: {str(error)[:100]}") from error
        for module in _imports(tree):
            if module not in sys.stdlib_module_names:
                raise TestsProblemError(f"the tests import {module}, and the sandbox has the standard library alone")
    body = ast.parse(tests).body
    if not any(is_test(node) for node in body):
        more = " and do not call it: map `entry_point`" if any(getattr(n, "name", "") == _CHECK for n in body) else ""
        raise TestsProblemError(f"the tests define {_CHECK}{more}" if more else "the tests assert nothing")


def _imports(tree: ast.Module) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.append(node.module)
    return [name.partition(".")[0] for name in names]


def as_people_read(gold: str) -> str:
    """Return tests as a person or a teacher reads them: code as it is, cases one after another."""
    try:
        tests = read_tests(gold)
    except TestsProblemError:
        return gold
    if tests.code is not None:
        return tests.code
    if tests.are_calls:
        return "\n".join(f"{call_text(tests, case)} == {case.output!r}" for case in tests.cases)
    return "\n\n".join(f"Input:\n{case.input}\nOutput:\n{case.output}" for case in tests.cases)


def call_text(tests: TaskTests, case: Case) -> str:
    """Return the call that a case makes, as Python has it."""
    return f"{tests.entry_point}({', '.join(map(repr, case.input))})"
