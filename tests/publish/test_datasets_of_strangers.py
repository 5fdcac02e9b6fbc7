"""What a dataset that somebody else has written can do here: be read, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from cli.in_process import infogap
from hub.server import Hub
from hub.store import Blob
from infogap.errors import InputError
from infogap.publish import STAGE, push
from infogap.publish.folder_target import publish_to
from infogap.publish.published_dataset import PublishedDataset, is_data_file
from infogap.publish.pull import pull
from infogap.runs.run_folder import Run
from publish.small_run import RECIPE, Build, build_run

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
ENTRY = {"sha256": "0" * 64, "bytes": 1, "rows": 1}
OUTSIDE = [
    "../precious.parquet",
    "data/../../precious.parquet",
    "data/sft/../../../precious.parquet",
    "data/../x.parquet",
]

STRANGE = ["data/../x.parquet", "/tmp/precious.parquet", "data/sft/x.py", "data//x.parquet", "data\\..\\x.parquet"]


def change(file: Path, **keys: Any) -> None:
    file.write_bytes(orjson.dumps(orjson.loads(file.read_bytes()) | keys))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a run was published to. Not to be changed."""
    folder = tmp_path_factory.mktemp("published")
    run = build_run(folder)
    STAGE.make(run)
    publish_to(run, folder / "target")
    return folder / "target"


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that makes the next version of it."""
    run = build_run(tmp_path_factory.mktemp("later"), RECIPE.replace("version: 0.1.0", "version: 0.2.0"))
    STAGE.make(run)
    return run


@pytest.fixture
def target(published: Path, tmp_path: Path) -> Path:
    """The same folder, for a test to change."""
    shutil.copytree(published, tmp_path / "target")
    return tmp_path / "target"


def test_the_next_version_takes_the_place_of_an_unchanged_one(target: Path, later: Run) -> None:
    publish_to(later, target)
    assert "0.2.0" in (target / "README.md").read_text()


@pytest.mark.parametrize("path", [*OUTSIDE, *STRANGE])
def test_files_outside_the_folder_are_not_a_datasets(target: Path, later: Run, tmp_path: Path, path: str) -> None:
    precious = tmp_path / "precious.parquet"
    precious.write_text("keep")
    change(target / "infogap.json", files={path: ENTRY})
    assert not is_data_file(path)
    with pytest.raises(InputError, match=r"infogap\.json is not valid .*which is no data/CONFIG/FILE\.parquet"):
        publish_to(later, target)
    with pytest.raises(InputError, match="not valid"):
        PublishedDataset(target)
    assert precious.read_text() == "keep"


@pytest.mark.parametrize("path", ["../precious.svg", "/tmp/precious.svg", "figures/../precious.svg", "figures/x.js"])
def test_figures_outside_the_folder_are_not_a_datasets(target: Path, later: Run, tmp_path: Path, path: str) -> None:
    precious = tmp_path / "precious.svg"
    precious.write_text("keep")
    change(target / "infogap.json", figures={path: "0" * 64})
    with pytest.raises(InputError, match=r"not valid .*no figure"):
        publish_to(later, target)
    assert precious.read_text() == "keep"


def test_no_code_comes_with_a_pulled_dataset(build: Build, hub: Hub, tmp_path: Path) -> None:
    run = build()
    STAGE.make(run)
    push(run)
    repo, ran = hub.repos["org/sums"], tmp_path / "ran"
    made = orjson.loads(repo.resolve("main").files["infogap.json"].content)
    made["recipe"].setdefault("measure", {})["measures"] = ["dataset.evil:measure"]
    made["recipe"]["tasks"][0]["verifier"] = "dataset.evil:grade"
    code = f"open({str(ran)!r}, 'w').close()\n".encode()
    changes = {
        "infogap.json": Blob(orjson.dumps(made)),
        **{path: Blob(code) for path in ("evil.py", "__init__.py", "data/evil.py", "data/sft/evil.py")},
    }
    repo.tags["v0.2.0"] = repo.commit("main", changes, "theirs").oid
    folder = tmp_path / "pulled"
    pull("org/sums", None, folder)
    infogap("check", folder / "recipe.yaml")
    infogap("run", folder / "recipe.yaml", "--run", folder)
    infogap("balance", folder)
    assert not ran.exists() and not list(folder.rglob("*.py"))
    assert {path.suffix for path in (folder / "dataset").rglob("*.*") if ".cache" not in path.parts} <= {
        ".md",
        ".json",
        ".parquet",
    }
