"""The pages that answer a question: every recipe on them is written to its file, every command run, in their order.

A block ```` ```yaml title="x.yaml" ```` is the file x.yaml. In a block `console`, every line after a `$ infogap ...` is
in what the command prints; `...` stands for lines that are left out. `console title="varies"` is run and not compared,
as a model's texts differ between processors; `console title="kim2026"` is run by
tests/integration/test_kim2026_recipes.py. The commands of a block `sh` need what a test does not have: of these, the
options are checked.
"""

from __future__ import annotations

import re
import shlex
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.in_process import infogap
from servers.batches import BatchServer, Fate, plain_answer
from servers.scripted import Body

DOCS = Path(__file__).parents[1] / "docs"
RECIPES = Path(__file__).parents[1] / "recipes"
PAGES = (
    "choosing-privileges.md",
    "cluster.md",
    "deriving-traces.md",
    "importing-traces.md",
    "kim2026.md",
    "paid-api.md",
    "reading-the-report.md",
    "vllm.md",
    "what-leaves-the-machine.md",
)
ADDRESSES = ("http://localhost:8000/v1", "http://node1:8000/v1", "http://node2:8000/v1", "https://api.example.com/v1")
BLOCK = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def adding() -> BatchServer:
    """Answers `How much is A + B?` rightly, live and in batches.

    It takes more words where the prompt holds nothing but the question.
    """

    def answer(body: Body) -> dict[str, Any]:
        prompt = body["messages"][-1]["content"]
        first, second = map(int, re.findall(r"How much is (\d+) \+ (\d+)\?", prompt)[0])
        alone = "olution" not in prompt and "final answer:" not in prompt
        thought = "Wait, let me check that again, perhaps by counting on. Yes." if alone else "As it says."
        message = {"role": "assistant", "content": rf"It is \boxed{{{first + second}}}.", "reasoning": thought}
        return plain_answer(body, message)

    return BatchServer(answer, lambda _number: Fate(looks=1))


def results_of(commands: str, folder: Path) -> list[tuple[str, int, str, list[str]]]:
    """Run the commands of a block: each with its exit code, all that it prints, and the lines that the page shows."""
    results = []
    for part in re.split(r"^\$ ", commands, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        words = shlex.split(command, comments=True)
        assert words[0] == "infogap", command
        done = infogap(*words[1:], cwd=folder)
        results.append((command, done.returncode, f"{done.stdout}\n{done.stderr}", shown))
    return results


@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_what_it_shows(
    name: str,
    tmp_path: Path,
    serving: Callable[[BatchServer], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(RECIPES, tmp_path / "recipes")
    monkeypatch.setenv("API_KEY", "sk-of-a-test")
    monkeypatch.setattr("sys.stdin", None)
    url = ""
    for kind, attributes, text in BLOCK.findall((DOCS / name).read_text(encoding="utf-8")):
        if kind != "console" and (title := re.search(r'title="([^"]+)"', attributes)):
            for address in ADDRESSES:
                if address in text:
                    url = url if url and "node" not in address else serving(adding())
                    text = text.replace(address, url)  # noqa: PLW2901
            (tmp_path / title[1]).write_text(text, encoding="utf-8")
        elif kind == "console" and "kim2026" in attributes:
            assert set(re.findall(r"^\$ infogap \w+ (?:recipes/)?(\S+)", text, re.MULTILINE)) <= {
                *(f"kim2026-section{section}{suffix}" for section in (3, 4, 6) for suffix in ("", ".yaml"))
            }
        elif kind == "console":
            for command, code, printed, shown in results_of(text, tmp_path):
                assert code == 0, (command, printed)
                lines = {line.strip() for line in printed.splitlines()}
                missing = [line for line in shown if line.strip() not in {*lines, "...", ""}]
                assert missing == [] or "varies" in attributes, (command, missing, printed)
        elif kind == "sh":  # needs a GPU, a cluster or an installation: the options exist, and the recipes are there
            for command in re.findall(r"(?<!')\binfogap (\w+[^\n#&]*)", text):
                assert infogap(*shlex.split(command), "--help", cwd=tmp_path).returncode == 0, command
                for recipe in re.findall(r"recipes/\S+", command):
                    assert (tmp_path / recipe).is_file()
        else:
            assert kind == "text", f"{name}: a block of {kind} that nothing runs"


def test_every_page_with_commands_to_run_is_run() -> None:
    with_commands = {page.name for page in DOCS.glob("*.md") if "```console" in page.read_text(encoding="utf-8")}
    assert with_commands == set(PAGES)


def test_an_import_of_local_files_connects_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    connect = socket.socket.connect

    def refuse(opened: socket.socket, address: Any) -> None:
        if opened.family in (socket.AF_INET, socket.AF_INET6):
            tried.append(address)
            raise ConnectionRefusedError
        connect(opened, address)  # to a process of this machine

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: tried.append(host))
    shutil.copytree(RECIPES, tmp_path / "recipes")
    done = infogap("run", "recipes/import-traces.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert tried == []
