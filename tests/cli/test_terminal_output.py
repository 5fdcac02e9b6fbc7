"""Output in a terminal: 80 columns, NO_COLOR, and terminals that know no escape sequences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from cli.in_process import infogap
from cli.terminal import each_in_terminal
from infogap.cli import command_line
from infogap.console import _wrapped
from tasks.small_recipes import write_jsonl

ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")
EXACT = ("load it   python -c ", "Q: ")  # commands to copy, and prompts as they are sent
RECIPE = """\
name: imp
import:
  - {from: rows.jsonl, columns: {question: q, answer: a, solution: s, trace: t, privilege: p}}
balance: {size: 4, verdict: {correct: 0.5, wrong: 0.5}, leak: keep}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small run whose texts are longer than a line."""
    folder = tmp_path_factory.mktemp("terminal")
    rows = [
        {
            "q": f"Q: how much is {number} + 1, as everybody who has counted sheep on a green hill knows by heart?",
            "a": number + 1,
            "s": f"We add one to {number}, which is easily done by counting on from there, and get {number + 1}.",
            "t": f"Wait, {number} and one more, let me check that, as one never knows, is \\boxed{{{number + right}}}.",
            "p": privilege,
        }
        for number in range(4)
        for privilege, right in (("unguided", 1), ("answer", 0))
    ]
    write_jsonl(folder / "rows.jsonl", rows)
    (folder / "recipe.yaml").write_text(RECIPE)
    return folder


def lines_of(shown: str) -> list[str]:
    """The lines of what a terminal shows, without escape sequences; each redrawing of a bar is a line."""
    return [line for part in ESCAPE.sub("", shown).split("\n") for line in part.split("\r")]


def commands() -> Iterator[list[str]]:
    """Yield every command, with its subcommands."""
    import typer

    def walk(command: Any, path: list[str]) -> Iterator[list[str]]:
        yield path
        for name, inner in getattr(command, "commands", {}).items():
            yield from walk(inner, [*path, name])

    yield from walk(typer.main.get_command(command_line()), [])


def test_help_fits_80_columns(tmp_path: Path) -> None:
    named = list(commands())
    assert len(named) > 20
    for command in named:
        done = infogap(*command, "--help", cwd=tmp_path, columns=80)
        assert done.returncode == 0
        assert [line for line in done.stdout.splitlines() if cell_len(line) > 80] == []
        assert "…" not in done.stdout, command


def test_a_run_fits_80_columns(folder: Path) -> None:
    commands = (
        ["check", "recipe.yaml", "--plan"],
        ["run", "recipe.yaml"],
        ["status", "imp"],
        ["show", "imp"],
        ["balance", "imp", "--plan"],
        ["measure", "imp", "--table", "--tasks"],
        ["diff", "imp", "imp"],
        ["formats"],
        ["decontaminate", "imp"],  # an error
        ["export", "imp", "x.jsonl", "--format", "none"],
    )
    for command, (_, shown) in zip(commands, each_in_terminal(*commands, cwd=folder), strict=True):
        lines = lines_of(shown)
        assert len(lines) > 1
        assert [line for line in lines if cell_len(line) > 80 and not line.startswith(EXACT)] == [], command


def test_outside_a_terminal_lines_stay_whole(folder: Path) -> None:
    done = infogap("export", "imp", "x.jsonl", "--format", "none", cwd=folder)
    assert len(done.stderr.splitlines()) == 1
    assert max(len(line) for line in infogap("formats", cwd=folder).stdout.splitlines()) > 100


def test_no_color_means_no_color(folder: Path) -> None:
    commands = (["--help"], ["run", "recipe.yaml", "--run", "plain"], ["show", "plain"], ["run", "none.yaml"])
    for command, (_, shown) in zip(commands, each_in_terminal(*commands, cwd=folder), strict=True):
        assert colors_in(shown), command
    for command, (_, shown) in zip(commands, each_in_terminal(*commands, cwd=folder, NO_COLOR="1"), strict=True):
        assert shown and colors_in(shown) == [], command


def colors_in(shown: str) -> list[str]:
    """The codes of colors among the escape sequences; others are bold, dim and the like."""
    codes = [code for parts, kind in ESCAPE.findall(shown) if kind == "m" for code in parts.split(";")]
    return [code for code in codes if code in ("38", "48") or re.fullmatch("(3|4|9|10)[0-7]", code)]


def test_a_dumb_terminal_gets_text_alone(folder: Path) -> None:
    commands = (["--help"], ["run", "recipe.yaml", "--run", "dumb"], ["show", "dumb"], ["status", "dumb", "--watch"])
    for command, (code, shown) in zip(commands, each_in_terminal(*commands, cwd=folder, TERM="dumb"), strict=True):
        assert code == 0
        assert "\x1b" not in shown, command
        assert "\r" not in shown


TEXTS = st.lists(st.text("ab 漢é\n", max_size=12), max_size=12).map(" ".join)


@given(TEXTS, st.integers(10, 40))
def test_wrapping_loses_nothing_and_divides_no_word(text: str, width: int) -> None:
    wrapped = _wrapped(text, Console(width=width, force_terminal=True))
    assert wrapped.split() == text.split()
    for line in wrapped.split("\n"):
        assert cell_len(line.rstrip()) <= width or len(line.split()) <= 2  # a label may stand before a long word
