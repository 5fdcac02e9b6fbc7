"""Completion in the shell, as `infogap --install-completion` sets it up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from infogap import plugins
from infogap.cli import completions
from infogap.recipe.preference_pairs import Band, Verdict
from infogap.recipe.publish_section import ThinkingForm


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with `infogap` among its programs, and a folder with a run and two recipes."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "infogap"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m infogap "$@"\n')
    program.chmod(0o755)
    for run in ("runs/alpha", "runs/beta", "elsewhere/alps"):
        (tmp_path / run).mkdir(parents=True)
        (tmp_path / run / "recipe.yaml").write_text("name: x\n")
    (tmp_path / "runs" / "alien").mkdir()  # no run
    (tmp_path / "math.yaml").touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "matching.yml").touch()
    (tmp_path / "notes.md").touch()
    return tmp_path


def bash(home: Path, script: str) -> list[str]:
    environment = os.environ | {"HOME": str(home), "PATH": f"{home / 'bin'}:{os.environ['PATH']}", "SHELL": "/bin/bash"}
    command = ["bash", "--norc", "-c", script]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def completed(home: Path, *words: str) -> list[str]:
    """What bash completes the last word to, by the installed script."""
    listed = " ".join(f"'{word}'" for word in words)
    return bash(
        home,
        f"source .bash_completions/infogap.sh; COMP_WORDS=({listed}); COMP_CWORD={len(words) - 1}; "
        "_infogap_completion infogap; printf '%s\\n' \"${COMPREPLY[@]}\"",
    )


def test_completion_is_installed_and_completes(home: Path) -> None:
    # Not the last command: bash would become it, and could not be found among its parents.
    said = bash(home, "infogap --install-completion bash || exit; true")
    assert "completion" in said
    assert ".bash_completions/infogap.sh" in (home / ".bashrc").read_text()
    for words, expected in (
        (["infogap", "sh"], ["show"]),
        (["infogap", "privileges", "s"], ["show"]),
        (["infogap", "status", "al"], ["alpha"]),
        (["infogap", "status", "elsewhere/al"], ["elsewhere/alps/"]),
        (["infogap", "run", "ma"], ["math.yaml"]),
        (["infogap", "check", "m"], ["math.yaml", "more/"]),
        (["infogap", "run", "more/"], ["more/matching.yml"]),
        (["infogap", "show", "alpha", "--privilege", "solution"], ["solution", "solution_no_think"]),
        (["infogap", "show", "alpha", "--verdict", "w"], ["wrong"]),
        (["infogap", "export", "alpha", "x.jsonl", "--format", "trl-d"], ["trl-dpo"]),
        (["infogap", "diff", "alpha", "b"], ["beta", "bin/"]),
        (["infogap", "run", "math.yaml", "--max-t"], ["--max-tokens"]),
    ):
        assert completed(home, *words) == expected, words


def test_the_words_are_those_that_commands_take() -> None:
    assert completions.bands("") == list(get_args(Band))
    assert completions.verdicts("") == [*get_args(Verdict), "ungradable"]
    assert completions.thinking_forms("") == list(get_args(ThinkingForm))
    assert completions.export_formats("trl-") == [name for name in plugins.names("exports") if name.startswith("trl-")]
    assert {"unguided", "decoy_answer"} <= set(completions.privileges(""))


def test_a_folder_that_cannot_be_read_completes_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for word in ("", "none/", "~nobody-of-this-name/", "a\0b/", "x" * 5_000 + "/"):
        assert completions.runs(word) == completions.recipes(word) == []


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_other_shells_are_answered_too(home: Path, shell: str) -> None:
    asked = {
        "_INFOGAP_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "infogap status al",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": "al",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    done = subprocess.run(
        [home / "bin" / "infogap"], cwd=home, env=os.environ | asked, capture_output=True, text=True, check=True
    )
    assert "alpha" in done.stdout
    assert "beta" not in done.stdout
