"""The tasks of recipes/data/small_functions.jsonl, and what comes of their solutions when one token is broken."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infogap.verify.base import Item
from infogap.verify.verifiers.code import VERIFIER

FILE = Path(__file__).parents[3] / "recipes" / "data" / "small_functions.jsonl"
_OTHER_OPERATOR: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


@dataclass(frozen=True)
class SmallTask:
    """A row of the file."""

    task_id: str
    prompt: str
    canonical_solution: str
    entry_point: str
    test: str

    @property
    def gold(self) -> str:
        return VERIFIER.gold_with(self.test, {"entry_point": self.entry_point, "starter": self.prompt.strip()})

    @property
    def whole(self) -> str:
        """The prompt with the solution: a whole program."""
        return self.prompt + self.canonical_solution

    def item(self, response: str) -> Item:
        return Item("code", self.prompt, self.gold, None, "", False, response, {})

    def broken(self) -> list[str]:
        """Every program in which one operator, constant or name of the solution is another one."""
        tree = ast.parse(self.whole)
        function = next(node for node in tree.body if getattr(node, "name", None) == self.entry_point)
        assert isinstance(function, ast.FunctionDef)
        body = ast.Module(function.body[1:], [])  # without the docstring
        names = sorted({node.id for node in ast.walk(body) if isinstance(node, ast.Name)})
        return [ast.unparse(tree) for _ in _changes(body, names)]


def _changes(body: ast.AST, names: list[str]) -> Iterator[None]:
    """Change one token at a time, and change it back."""
    for node in list(ast.walk(body)):
        if isinstance(node, ast.Constant) and isinstance(node.value, int | str):
            before = node.value
            node.value = (
                not before if isinstance(before, bool) else before + 1 if isinstance(before, int) else f"{before}!"
            )
            yield
            node.value = before
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and len(names) > 1:
            name = node.id
            node.id = names[(names.index(name) + 1) % len(names)]
            yield
            node.id = name
        elif isinstance(node, ast.BinOp | ast.AugAssign | ast.BoolOp) and type(node.op) in _OTHER_OPERATOR:
            operator = node.op
            node.op = _OTHER_OPERATOR[type(operator)]()  # type: ignore[assignment]
            yield
            node.op = operator
        elif isinstance(node, ast.Compare):
            for place, compared in enumerate(node.ops):
                if type(compared) in _OTHER_OPERATOR:
                    node.ops[place] = _OTHER_OPERATOR[type(compared)]()  # type: ignore[call-overload]
                    yield
                    node.ops[place] = compared


TASKS = [SmallTask(**json.loads(line)) for line in FILE.read_text(encoding="utf-8").splitlines()]
