"""Arithmetic in plain text, `2*(3 + 4)/5`, as an expression: read from its syntax tree, never evaluated as code."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial

from sympy import Add, Expr, Float, Integer, Mul, Pow


def arithmetic(text: str) -> Expr:
    """The expression of a text of numbers, `+ - * / **` and parentheses, as it stands: nothing is worked out.

    Raises ValueError for any other text, RecursionError for one that is nested too deeply.
    """
    try:
        return _expression(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, MemoryError) as error:  # what the parser of Python says of too many parentheses, too
        raise ValueError(f"not arithmetic: {error}") from error


def _expression(node: ast.expr) -> Expr:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return Integer(number)
        case ast.Constant(value=float(number)):
            return Float(repr(number))
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
            value = _expression(operand)
            return value if isinstance(sign, ast.UAdd) else _negative(value)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return _OPERATORS[type(operator)](_expression(left), _expression(right))
    raise ValueError(f"not arithmetic: {type(node).__name__}")


def _negative(value: Expr) -> Expr:
    return -value if isinstance(value, Integer | Float) else Mul(Integer(-1), value, evaluate=False)


_OPERATORS: dict[type[ast.operator], Callable[[Expr, Expr], Expr]] = {
    ast.Add: partial(Add, evaluate=False),
    ast.Sub: lambda one, other: Add(one, _negative(other), evaluate=False),
    ast.Mult: partial(Mul, evaluate=False),
    ast.Div: lambda one, other: Mul(one, Pow(other, Integer(-1), evaluate=False), evaluate=False),
    ast.Pow: partial(Pow, evaluate=False),
}
