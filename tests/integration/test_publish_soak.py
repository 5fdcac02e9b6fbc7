"""A run that grows over three versions, its pushes disturbed by faults of the Hub and by kills: the same versions.

The disturbances are drawn from a seed. INFOGAP_SOAK_SEED=7 draws others.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from typer.testing import CliRunner

from hub.server import Hub
from infogap.cli import command_line
from servers.serve import serve

# huggingface_hub itself calls its HTTP client in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
SEED = int(os.environ.get("INFOGAP_SOAK_SEED", "2026"))
VERSIONS = 3
ATTEMPTS = 40  # at one version, at most
RECIPE = """
name: growing
import:
  - from: rows.jsonl
    columns: {question: q, answer: a, trace: t, family: f}
    verifier: exact
balance: {verdict: {correct: 0.75, wrong: 0.25}, size: max}
publish: {repo: org/growing, configs: [sft, traces, rl]}
"""
FAULTS = (
    *((500, "POST .*/commit/"), (503, "POST .*/preupload/"), (429, "GET .*/refs"), (412, "POST .*/commit/")),
    *((500, "POST .*/tag/"), (403, "POST .*/commit/"), (500, "PUT /large-files/"), (404, "GET .*/tree/"), (502, "")),
)


class Killed(BaseException):
    """Ends an attempt as a kill would: nothing that it passes through catches it."""


class Dying:
    """Ends the attempt before one of its changes to the disk, or right after one of its requests to the Hub."""

    left = -1

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **keywords: Any) -> Any:
            if self.left == 0:
                self.left = -1
                raise Killed
            self.left -= 1
            return function(*arguments, **keywords)

        return changed


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dying]:
    dying = Dying()
    for name in ("unlink", "replace", "rename"):
        monkeypatch.setattr(Path, name, dying.around(getattr(Path, name)))
    monkeypatch.setattr(shutil, "rmtree", dying.around(shutil.rmtree))
    for name in ("create_repo", "list_repo_refs", "list_repo_tree", "create_commit", "create_tag"):
        monkeypatch.setattr(f"huggingface_hub.HfApi.{name}", dying.around(_api(name)))
    with stamina.set_testing(True, attempts=3, cap=True):
        yield dying


def _api(name: str) -> Callable[..., Any]:
    from huggingface_hub import HfApi

    return getattr(HfApi, name)  # type: ignore[no-any-return]


def grow(folder: Path, version: int) -> tuple[str, ...]:
    """Write the rows of a version, and return the command that publishes it."""
    rows = [
        {
            "q": f"What is {n} + {n}?",
            "a": str(2 * n),
            "t": f"<think>Perhaps {n}, wait, let me add them again, one by one.</think>{2 * n + (n % 4 == 3)}",
            "f": "even" if n % 2 == 0 else "odd",
        }
        for n in range(8 * version)
    ]
    folder.mkdir(exist_ok=True)
    (folder / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (folder / "recipe.yaml").write_text(RECIPE)
    return ("run", "recipe.yaml", "--run", "run", "--push", "--set", f"publish.version=0.{version}.0", "-q")


def attempt(folder: Path, command: tuple[str, ...], hub: Hub, url: str) -> int:
    """Run the command in this process; 1,000 stands for a kill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HF_ENDPOINT", url)
        patch.setenv("HF_TOKEN", hub.token)
        try:
            done = CliRunner().invoke(command_line(), list(command))
        except Killed:
            return 1_000
    assert done.exit_code in (0, 3), done.output
    return done.exit_code


def kill_for_real(folder: Path, command: tuple[str, ...], hub: Hub, url: str, seconds: float) -> None:
    """Start the command as a process of its own, and end it by SIGKILL."""
    environment = os.environ | {"HF_ENDPOINT": url, "HF_TOKEN": hub.token, "HF_HUB_DISABLE_XET": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "infogap", *command], cwd=folder, env=environment, stderr=subprocess.DEVNULL
    )
    time.sleep(seconds)
    process.kill()
    process.wait()


def versions(hub: Hub, url: str) -> dict[str, dict[str, bytes]]:
    """The files of every version; the card names the Hub's address, which differs."""
    repo = hub.repos["org/growing"]
    return {
        tag: {path: blob.content.replace(url.encode(), b"HUB") for path, blob in repo.resolve(tag).files.items()}
        for tag in sorted(repo.tags)
    }


@pytest.mark.usefixtures("up_to_the_dataset")
def test_disturbed_versions_are_the_undisturbed_ones(tmp_path: Path, dying: Dying) -> None:
    draw = random.Random(SEED)
    calm, rough = Hub(), Hub()
    disturbed = 0
    with serve(calm.app) as calm_url, serve(rough.app) as rough_url:
        for version in range(1, VERSIONS + 1):
            command = grow(tmp_path / "calm", version)
            assert attempt(tmp_path / "calm", command, calm, calm_url) == 0
            command = grow(tmp_path / "rough", version)
            kill_for_real(tmp_path / "rough", command, rough, rough_url, draw.uniform(0.5, 6))
            for tried in range(ATTEMPTS):
                last = tried == ATTEMPTS - 1
                dying.left = -1 if last or draw.random() < 0.4 else draw.randrange(60)
                if not last and draw.random() < 0.5:
                    status, where = draw.choice(FAULTS)
                    rough.fail(status, times=draw.randrange(1, 5), where=where)
                rough.drop_answers = draw.randrange(2)
                if attempt(tmp_path / "rough", command, rough, rough_url) == 0:
                    break
                rough.faults.clear()
                disturbed += 1
            dying.left, rough.drop_answers = -1, 0
            rough.faults.clear()
    assert disturbed >= VERSIONS
    disturbed_ones, undisturbed = versions(rough, rough_url), versions(calm, calm_url)
    assert list(disturbed_ones) == [f"v0.{version}.0" for version in range(1, VERSIONS + 1)]
    assert disturbed_ones == undisturbed
    assert len(rough.repos["org/growing"].log("main")) == len(calm.repos["org/growing"].log("main"))
