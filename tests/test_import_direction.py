"""Imports point one way: every package and module at the top uses only those that stand before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import infogap

# From what everything rests on to what people type. A package may import those before it, and no other.
ORDER = (
    "errors",
    "start_up",
    "ids",
    "atomic_files",
    "user_cache",
    "console",
    "progress",
    "bucket",
    "schema",
    "plugins",
    "user_objects",
    "recipe",
    "parallel",
    "text",
    "runs",
    "rows",
    "teachers",
    "interrupts",
    "verify",
    "privileges",
    "leaks",
    "tasks",
    "dedupe",
    "generate",
    "imports",
    "effects",
    "gap",
    "measure",
    "derive",
    "decontaminate",
    "balance",
    "charts",
    "publish",
    "view",
    "report",
    "sweeps",
    "api",
    "cli",
    "__main__",
)
ROOT = Path(infogap.__file__).parent


def _name(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def _imported(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            parts = module.split(".")
            if parts[0] == "infogap" and len(parts) > 1 and parts[1] in ORDER:
                yield parts[1], node.lineno


def test_every_import_points_back_in_the_order() -> None:
    back = [
        f"{path.relative_to(ROOT)}:{line}: {_name(path)} imports {imported}"
        for path in sorted(ROOT.rglob("*.py"))
        if path != ROOT / "__init__.py"  # the API's names, imported when they are used
        for imported, line in _imported(path)
        if ORDER.index(imported) > ORDER.index(_name(path))
    ]
    assert back == []


def test_every_package_has_its_place_in_the_order() -> None:
    there = {_name(path) for path in ROOT.rglob("*.py")} - {"__init__"}
    assert there == set(ORDER)


def test_no_two_modules_share_a_name() -> None:
    shared = {"__init__", "base", "stage"}
    names = [path.stem for path in ROOT.rglob("*.py") if path.stem not in shared]
    assert sorted({name for name in names if names.count(name) > 1}) == []
