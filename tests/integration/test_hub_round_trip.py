"""From a run to the Hub and back: pushed by the command line, loaded by tag, imported as another run's traces."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina

from cli import in_process
from hub.server import Hub
from servers.serve import serve

pytestmark = pytest.mark.usefixtures("without_charts")

RECIPE = Path(__file__).parents[2] / "recipes" / "import-traces.yaml"
RUN = ("run", str(RECIPE), "--run", "first", "--set", "publish.repo=org/traces")
FROM_THE_HUB = """\
name: again
import:
  - from: org/traces
    config: traces
    revision: v0.1.0
    columns:
      question: question
      answer: answer
      family: family
      reasoning: reasoning
      response: response
      teacher: teacher
      privilege: privilege
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[tuple[Hub, str]]:
    state = Hub()
    with serve(state.app) as url:
        yield state, url


def infogap(*arguments: str, cwd: Path, hub: tuple[Hub, str]) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own: `datasets` reads which Hub there is when it is imported."""
    state, url = hub
    environment = os.environ | {
        "HF_ENDPOINT": url,
        "HF_TOKEN": state.token,
        "HF_HOME": str(cwd / "hub-cache"),
        "HF_HUB_DISABLE_XET": "1",
    }
    command = [sys.executable, "-m", "infogap", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the run `first`, not pushed yet."""
    folder = tmp_path_factory.mktemp("work")
    done = in_process.infogap(*RUN, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_dataset_goes_to_the_hub_and_comes_back_as_traces(workplace: Path, hub: tuple[Hub, str]) -> None:
    first = infogap(*RUN, "--push", cwd=workplace, hub=hub)
    assert first.returncode == 0, first.stderr
    assert "published:" in first.stderr
    again = infogap("publish", "first", "--push", cwd=workplace, hub=hub)
    assert again.returncode == 0, again.stderr
    assert "already published:" in again.stderr

    (workplace / "again.yaml").write_text(FROM_THE_HUB)
    second = infogap("run", "again.yaml", "--json", cwd=workplace, hub=hub)
    assert second.returncode == 0, second.stderr
    table = {row["privilege"]: row for row in json.loads(second.stdout)["privileges"]}
    assert {name: row["traces"] for name, row in table.items()} == {"unguided": 20, "solution": 10}
    assert all(row["accuracy"] == 1.0 for row in table.values())


def test_a_hub_that_is_not_there_ends_with_3(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with stamina.set_testing(True, attempts=3):  # it tries again, without half a minute of waits
        done = in_process.infogap(*RUN, "--push", cwd=workplace)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert (workplace / "first" / "dataset" / "README.md").is_file()
