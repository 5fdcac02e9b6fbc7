"""Find the program in a response, and put it together with the beginning that its task gives."""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

_FENCE = re.compile(r"^[ \t]{0,12}(`{3,}|~{3,})[ \t]*([^\n`]*)$", re.MULTILINE)
_PYTHON = ("", "python", "python3", "py", "python 3")
_EXAMPLE = re.compile(r"test|example|demo|check|run_|main\Z", re.IGNORECASE)  # functions that only show or try another
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# What makes a text a program even without a fence around it; a word alone is an expression of Python, too.
_STATEMENTS = (
    *(*_DEFINITIONS, ast.Import, ast.ImportFrom, ast.Assign, ast.AugAssign),
    *(ast.Return, ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Call),
)


def program_in(response: str, *, cut: bool = False) -> str | None:
    """Return the program that a response states: its last block of Python, fenced and labelled so or not at all.

    A block without a label that is no program, such as an output, is none if another block is one; nor is a block that
    only calls or tests what an earlier one defines. Without any fence it is the whole response, if that is a program.
    `cut`: the response stopped at its token limit, so that a block which is not closed, or a text without fences, is
    incomplete. None where there is none.
    """
    blocks, fenced = _blocks(response, cut=cut)
    if blocks:
        return _whole_program([block for block in blocks if block.labelled or _is_program(block.code)] or blocks)
    return response if not fenced and not cut and _is_program(response) else None


@dataclass(frozen=True)
class _Block:
    """The code between two fences."""

    code: str
    labelled: bool


def _whole_program(blocks: list[_Block]) -> str:
    """Return the last block that does more than to call or to test what one before it defines."""
    defined = [_definitions(block.code) for block in blocks]
    for place in range(len(blocks) - 1, 0, -1):
        before = set().union(*defined[:place]) - defined[place]
        own = {name for name in defined[place] if not _EXAMPLE.match(name)}
        if own or not before & _read_names(blocks[place].code):
            return blocks[place].code
    return blocks[0].code


def _definitions(code: str) -> set[str]:
    """Return the names of a program's functions and classes."""
    tree = parsed(code)
    return {node.name for node in tree.body if isinstance(node, _DEFINITIONS)} if tree is not None else set()


def _read_names(code: str) -> set[str]:
    tree = parsed(code)
    nodes = ast.walk(tree) if tree is not None else ()
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _blocks(response: str, *, cut: bool) -> tuple[list[_Block], bool]:
    """Return the blocks of Python that are not empty, and whether the response has any fence."""
    blocks: list[_Block] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(response):
        if opened is None:
            opened = fence
        elif not fence[2].strip() and fence[1].startswith(opened[1]):
            blocks += _python(opened, response[opened.end() : fence.start()])
            opened = None
    if opened is not None and not cut:
        blocks += _python(opened, response[opened.end() :])
    return blocks, _FENCE.search(response) is not None


def _python(opened: re.Match[str], content: str) -> list[_Block]:
    label = opened[2].strip().lower().partition("{")[0].strip()
    if label not in _PYTHON or not content.strip():
        return []
    return [_Block(textwrap.dedent(content).strip("\n"), label != "")]


def _is_program(text: str) -> bool:
    tree = parsed(text)
    return tree is not None and any(isinstance(node, _STATEMENTS) for node in ast.walk(tree))


def parsed(code: str) -> ast.Module | None:
    """Parse a text as Python; None where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def continued(response: str, starter: str, entry_point: str | None) -> str | None:
    """Return the program of a response that continues its task's beginning, such as a function's body.

    The first line of a body may have lost its indentation. None where it is no continuation.
    """
    if not starter or entry_point is None or _stands_alone(response):
        return None
    for body in _indented(response):
        whole = f"{starter}\n{body}"
        tree = parsed(whole)
        if tree is None:
            continue
        function = next((node for node in reversed(tree.body) if getattr(node, "name", None) == entry_point), None)
        begun = starter.count("\n") + 1
        alike = body == response.strip("\n") or (function is not None and function is tree.body[-1])
        if alike and function is not None and _in_function(function, begun):
            return whole
    return None


def _in_function(function: ast.stmt, begun: int) -> bool:
    """Whether a function has statements after the line where the answer begins."""
    return any(isinstance(node, _STATEMENTS) and (getattr(node, "lineno", 0) > begun) for node in ast.walk(function))


def _indented(response: str) -> Iterator[str]:
    text = response.strip("\n")
    yield text
    yield f"    {text}"
    yield textwrap.indent(text, "    ")


def _stands_alone(code: str) -> bool:
    """Whether a text defines something by itself: a body that continues a function does not, or returns from it."""
    tree = parsed(code)
    if tree is None or not any(isinstance(node, _DEFINITIONS) for node in tree.body):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(tree, "program.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # a return outside of any function
        return False
    return True


def preamble(starter: str, entry_point: str | None) -> str:
    """Return what a task's beginning holds besides the function to write: imports, and functions that help.

    An answer that repeats the function often leaves them out.
    """
    tree = parsed(starter)
    if tree is None:
        return ""
    kept = [node for node in tree.body if not (isinstance(node, ast.ClassDef) and node.name == "Solution")]
    return ast.unparse(ast.Module([node for node in kept if getattr(node, "name", None) != entry_point], []))
