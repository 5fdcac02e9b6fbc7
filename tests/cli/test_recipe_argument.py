"""RECIPE on the command line: from standard input, and from an address, which is shown before anything is run."""

from __future__ import annotations

import json
import os
import pty
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cli.in_process import infogap
from infogap.cli.recipe_argument import agree_to_run
from infogap.errors import InputError
from infogap.recipe import Origin, RecipeText
from servers.serve import serve

pytestmark = pytest.mark.usefixtures("without_charts")

RECIPE = """\
name: imp
import: [{from: rows.jsonl, columns: {question: q, answer: a, trace: t}}]
"""
ROWS = '{"q": "What is 1 + 1?", "a": "2", "t": "2"}\n{"q": "What is 1 + 2?", "a": "3", "t": "2"}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rows.jsonl").write_text(ROWS)
    return tmp_path


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a text into standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(text.encode()), encoding="utf-8"))


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    """A server of the recipe `imp.yaml`, and the texts that it sends, the last one from now on."""
    texts = [RECIPE]

    async def answer(_request: Request) -> Response:
        return Response(texts[-1])

    with serve(Starlette(routes=[Route("/imp.yaml", answer)])) as url:
        yield f"{url}/imp.yaml", texts


def test_a_recipe_from_standard_input(folder: Path, pipe: Callable[[str], None]) -> None:
    pipe(RECIPE)
    assert infogap("check", "-", cwd=folder).stderr == "<stdin>: valid\n"
    pipe(RECIPE)
    done = infogap("run", "-", "--set", "seed=3", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "seed: 3" in (folder / "runs" / "imp" / "recipe.yaml").read_text()
    # The same recipe from a file gives the same run.
    (folder / "recipe.yaml").write_text(RECIPE)
    again = infogap("run", "recipe.yaml", "--set", "seed=3", cwd=folder)
    assert "everything is up to date" in again.stderr
    pipe(RECIPE.replace("trace: t", "trace: u"))
    wrong = infogap("sweep", "-", "--set", "seed=1,2", cwd=folder)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("<stdin>:2: import[0].columns.trace: rows.jsonl: no row has 'u'")


def test_standard_input_that_is_no_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"\xff"), encoding="utf-8"))
    done = infogap("run", "-", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cannot read the recipe from standard input: 'utf-8' codec")
    monkeypatch.setattr(sys, "stdin", None)
    assert infogap("run", "-", cwd=folder).stderr.startswith("there is no standard input to read the recipe from")


def test_rows_from_standard_input(folder: Path, pipe: Callable[[str], None]) -> None:
    pipe(ROWS)
    options = ("--column", "t", "--output", "kept.jsonl", "--json")
    done = infogap("dedupe", "--input", "-", *options, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["removed"] == 1
    assert (folder / "kept.jsonl").read_text() == ROWS.splitlines(keepends=True)[0]
    file = infogap("dedupe", "--input", "rows.jsonl", *options, cwd=folder)
    assert json.loads(file.stdout) == json.loads(done.stdout)


def test_a_recipe_from_elsewhere_is_shown_and_not_run_unasked(folder: Path, web: tuple[str, list[str]]) -> None:
    done = infogap("run", web[0], cwd=folder)
    assert done.returncode == 2
    assert "   1  name: imp\n   2  import: [{from: rows.jsonl" in done.stderr
    assert done.stderr.splitlines()[-1] == f"{web[0]} is from elsewhere; read it, then run it with --yes"
    assert not (folder / "runs").exists()


def test_the_run_remembers_where_its_recipe_came_from(folder: Path, web: tuple[str, list[str]]) -> None:
    address, texts = web
    assert infogap("run", address, "--yes", cwd=folder).returncode == 0
    remembered = json.loads((folder / "runs" / "imp" / "run.json").read_text())
    assert remembered["origin"]["address"] == address
    assert infogap("balance", "imp", cwd=folder).returncode == 0
    assert json.loads((folder / "runs" / "imp" / "run.json").read_text()) == remembered
    # The same text again is not asked for; a changed one is.
    again = infogap("run", address, cwd=folder)
    assert again.returncode == 0
    assert "everything is up to date" in again.stderr and "name: imp" not in again.stderr
    texts.append(RECIPE + "seed: 4\n")
    changed = infogap("run", address, cwd=folder)
    assert changed.returncode == 2
    assert "the run was made from an earlier text of this recipe" in changed.stderr
    assert infogap("run", address, "--yes", cwd=folder).returncode == 0
    assert "seed: 4" in (folder / "runs" / "imp" / "recipe.yaml").read_text()


def test_it_does_not_take_the_place_of_another_run(folder: Path, web: tuple[str, list[str]]) -> None:
    (folder / "recipe.yaml").write_text(RECIPE)
    assert infogap("run", "recipe.yaml", cwd=folder).returncode == 0
    done = infogap("run", web[0], "--yes", cwd=folder)
    assert done.returncode == 2
    assert done.stderr == "runs/imp is the run of another recipe with this name; name another folder with --run\n"
    assert infogap("run", web[0], "--yes", "--run", "other", cwd=folder).returncode == 0
    assert infogap("run", web[0], "--yes", "--set", "name=third", cwd=folder).returncode == 0
    assert (folder / "runs" / "third").is_dir()


def test_no_code_of_it_is_loaded_without_trust(folder: Path, web: tuple[str, list[str]]) -> None:
    (folder / "mine.py").write_text(
        "from pathlib import Path\nPath('loaded').touch()\ndef grade(answer, gold, task):\n    return True\n"
    )
    web[1].append(RECIPE.replace("[{from", "[{verifier: 'mine:grade', from"))
    for command in (["check", web[0]], ["run", web[0], "--yes"], ["run", web[0], "--trust"]):
        assert infogap(*command, cwd=folder).returncode == 2
        assert not (folder / "loaded").exists()
    done = infogap("run", web[0], "--yes", "--trust", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "loaded").exists()


@pytest.mark.parametrize(("answer", "made"), [("n", False), ("", False), ("y", True)])
def test_a_terminal_is_asked(
    folder: Path, web: tuple[str, list[str]], answer: str, made: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal, side = pty.openpty()
    os.write(terminal, f"{answer}\n".encode())
    with open(side, encoding="utf-8") as typed:  # noqa: PTH123 - of no path
        monkeypatch.setattr(sys, "stdin", typed)
        ran = infogap("run", web[0], cwd=folder)
    os.close(terminal)
    assert ran.returncode == 0, ran.stderr
    assert "Run this recipe? [y/N]:" in ran.stderr
    assert ("nothing was run" in ran.stderr) != made
    assert (folder / "runs" / "imp").is_dir() == made


def test_another_commit_with_the_same_text_is_not_asked_for(tmp_path: Path) -> None:
    def at(commit: str, sha256: str) -> Origin:
        return Origin(f"hf://datasets/org/name@{commit}/imp.yaml", sha256)

    (tmp_path / "run.json").write_text(json.dumps({"base": "/", "origin": asdict(at("1", "a"))}))
    agree_to_run(RecipeText(RECIPE, "imp.yaml", at("2", "a")), None, tmp_path, yes=False)
    with pytest.raises(InputError, match="is from elsewhere; read it, then run it with --yes"):
        agree_to_run(RecipeText(RECIPE, "imp.yaml", at("2", "b")), None, tmp_path, yes=False)
