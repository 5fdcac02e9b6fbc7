"""Describe a failing test: which one, what it expects, and what the program gave."""

from __future__ import annotations

import ast
from typing import Any, NoReturn, Protocol

_LONGEST = 300  # characters of each part
_OPERATORS: dict[type[ast.cmpop], str] = {ast.Eq: "", ast.NotEq: "other than ", ast.Is: "", ast.IsNot: "other than "}


class _HasLastCall(Protocol):
    last_call: str


class AssertionFailedError(AssertionError):
    """An assertion that does not hold, with both sides of its comparison, if it is one."""

    def __init__(self, test: str, sides: tuple[Any, ...], *, swapped: bool, direct: bool, other: str) -> None:
        super().__init__(test)
        self.test, self.direct, self.other = test, direct, other
        self.sides = sides[::-1] if swapped else sides

    @staticmethod
    def raise_one(test: str, sides: tuple[Any, ...], swapped: bool, direct: bool, other: str) -> NoReturn:
        raise AssertionFailedError(test, sides, swapped=swapped, direct=direct, other=other)


def with_reports(node: ast.stmt, source: str) -> ast.Module:
    """Return a statement as a module in which a failing `assert` keeps the values that it compared."""
    module: ast.Module = _Asserts(source).visit(ast.Module([node], []))
    return ast.fix_missing_locations(module)


class _Asserts(ast.NodeTransformer):
    def __init__(self, source: str) -> None:
        self._source = source
        self._count = 0

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt]:
        test, text = node.test, _segment(self._source, node)
        before: list[ast.stmt] = []
        sides: list[ast.expr] = []
        swapped, direct, other = False, False, ""
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _OPERATORS:
            self._count += 1
            left, right = test.left, test.comparators[0]
            swapped = not _calls(left) and _calls(right)
            direct, other = isinstance(right if swapped else left, ast.Call), _OPERATORS[type(test.ops[0])]
            names = [f"__left_{self._count}", f"__right_{self._count}"]
            before = [
                ast.Assign([ast.Name(name, ast.Store())], side) for name, side in zip(names, (left, right), strict=True)
            ]
            sides = [ast.Name(name, ast.Load()) for name in names]
            test = ast.Compare(sides[0], test.ops, [sides[1]])
        values = [
            ast.Constant(text),
            ast.Tuple(list(sides), ast.Load()),
            ast.Constant(swapped),
            ast.Constant(direct),
            ast.Constant(other),
        ]
        fail = ast.Expr(ast.Call(ast.Name("__fail", ast.Load()), values, []))
        made = [*before, ast.If(ast.UnaryOp(ast.Not(), test), [fail], [])]
        return [ast.copy_location(each, node) for each in made]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node  # names that begin with __ mean others there


def _calls(node: ast.expr) -> bool:
    return any(isinstance(each, ast.Call) for each in ast.walk(node))


def _segment(source: str, node: ast.AST) -> str:
    return ast.get_source_segment(source, node) or ""


def failure(node: ast.stmt, source: str, error: BaseException | None, program: _HasLastCall) -> dict[str, str]:
    """Return the parts of a description: `test`, and `expected`, `got` or `raised` where they are known.

    `error` is None where the program's process ended.
    """
    call = program.last_call
    if isinstance(error, AssertionFailedError):
        if not error.sides:
            return {"test": error.test, "call": call}
        got, expected = (_shown(side) for side in error.sides)
        test = {"test": call} if error.direct and call else {"test": error.test, "call": call}
        return test | {"expected": f"{error.other}{expected}", "got": got}
    said = {"test": call or _segment(source, node)}
    if error is None:
        return said
    text = str(error)[:_LONGEST]
    name = getattr(error, "of_program", type(error).__name__)
    return said | {"raised": f"{name}: {text}" if text else name}


def _shown(value: Any) -> str:
    try:
        return repr(value)[:_LONGEST]
    except Exception as error:  # such as an integer of too many digits
        return f"<{type(value).__name__}, {type(error).__name__}>"
