"""Texts that would command a terminal are shown by every command, the card and the page; noise stays out of JSON."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.command_sequence import each_output, program
from infogap.cli import command_line

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
EVIL = "\x1b]52;c;ZXZpbA==\x1b\\\x1b[2J\x07\x9b31m\x7f\x00\r\u202egnp\u2066"
RECIPE = """
name: hostile
import:
  - from: traces.jsonl
    columns: {question: q, answer: a, family: f, difficulty: d, trace: t, teacher: m, privilege: p}
    verifier: noisy:check
measure: {measures: ["noisy:MEASURE"]}
balance: {when_short: shrink, leak: keep, allow_mixed_teachers: true, verdict: {correct: 0.5, wrong: 0.5}}
publish: {configs: [sft, traces, rl]}
"""
NOISY = """
import os, subprocess, sys
import polars as pl

def shout():
    print("NOISE")
    os.write(1, b"NOISE\\n")
    subprocess.run(["echo", "NOISE"], check=True)

shout()

def check(response, answer, task):
    shout()
    return "right" in response

class Measure:
    columns = {"length_of_it": pl.Int64}
    version = 1

    def measure(self, frame):
        shout()
        return frame.select(length_of_it=pl.col("text").str.len_bytes().cast(pl.Int64))

MEASURE = Measure()
"""
EVERY_COMMAND = (
    ("show", "run"),
    ("show", "run", "--duplicates"),
    ("status", "run"),
    ("tasks", "run"),
    ("measure", "run", "--table", "--tasks"),
    ("balance", "run", "--plan"),
    ("balance", "run"),
    ("diff", "run", "run"),
    ("check", "recipe.yaml", "--plan"),
    ("show", "run", "--task", EVIL),
    ("check", f"{EVIL[:-9]}.yaml"),
    ("status", "run", f"--{EVIL[:4]}"),
    ("check", "recipe.yaml", "--set", f"name={EVIL[:12]}"),
)


def _rows() -> list[dict[str, str]]:
    """Two questions, the traces of each by two teachers under two privileges, some of them twice."""
    words = "step by step the sum is found to be four and then it is said again to be sure of it, perhaps, wait " * 2
    return [
        {
            "q": f"What is {question}? {EVIL}",
            "a": f"four{EVIL}",
            "f": f"family{EVIL}",
            "d": f"hard{EVIL}",
            "t": f"<think>{words}{EVIL}</think>It is {said}{EVIL}",
            "m": f"teacher{teacher}{EVIL}",
            "p": f"priv{privilege}{EVIL}",
        }
        for question in ("two and two", "one and three")
        for teacher in range(2)
        for privilege in range(2)
        for said in ("right", "left", "right")
    ]


def infogap(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "infogap", *arguments], cwd=cwd, capture_output=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "noisy.py").write_text(NOISY)
    (folder / "traces.jsonl").write_text("\n".join(json.dumps(row) for row in _rows()))
    return folder


def test_no_command_sends_what_a_text_holds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = infogap("run", "recipe.yaml", "--run", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert _OBEYED.findall(done.stdout.decode() + done.stderr.decode()) == []
    assert b"NOISE" in done.stderr and b"NOISE" not in done.stdout
    monkeypatch.chdir(folder)
    for arguments in EVERY_COMMAND:
        said = CliRunner().invoke(command_line(), list(arguments))
        assert said.exit_code in (0, 2, 4), said.output
        assert _OBEYED.findall(said.stdout + said.stderr) == [], arguments
    page, card = folder / "run" / "report" / "index.html", folder / "run" / "dataset" / "README.md"
    for written in (page, card):
        text = written.read_text(encoding="utf-8")
        assert _OBEYED.findall(text) == [] and "␛]52" in text, written


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_json_is_all_that_stdout_holds(quiet: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    commands = (["run", "recipe.yaml", "--run", run], ["measure", run, "--table"], ["balance", run, "--plan"])
    asked = program([*command, "--json", *quiet] for command in commands)
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True)
    (_, said), *_ = each_output(done.stderr)
    assert ("NOISE" in said) == (not quiet)
    shown = each_output(done.stdout)
    assert len(shown) == len(commands)
    for code, document in shown:
        assert code == 0, done.stderr
        json.loads(document)
        assert _OBEYED.findall(document) == []
