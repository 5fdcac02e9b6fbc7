"""A published version comes back with its recipe, and can be compared with another."""

import json
import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hub.server import Hub
from hub.store import Blob
from infogap.console import output
from infogap.errors import ExternalError, InputError
from infogap.publish import STAGE, push
from infogap.publish.diff import difference
from infogap.publish.pull import pull
from infogap.runs.run_folder import Run
from publish.small_run import RECIPE, Build


def test_a_pulled_version_is_the_pushed_one(build: Build, hub: Hub, tmp_path: Path) -> None:
    run = build()
    STAGE.make(run)
    push(run)
    recipe = pull("org/sums", "0.1.0", tmp_path / "pulled")
    assert "name: sums" in recipe.read_text()
    found = difference(run.path, tmp_path / "pulled")
    assert found.same
    assert found.configs["sft"]["only_first"] == 0
    assert found.configs["traces"]["both"] > 0


# huggingface_hub itself calls its HTTP client in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

INSTRUCTION = (
    "Think about the question step by step, for as long as is needed, and\nthen put the final answer, and nothing "
    "else, into \\boxed{}.\n\nDo it once: a second \\boxed{} would be \\\\ taken for the answer."
)


def test_an_instruction_of_several_lines_comes_back_as_it_was(build: Build, hub: Hub, tmp_path: Path) -> None:
    written = json.dumps(INSTRUCTION)  # JSON is YAML
    run = build(recipe=RECIPE.replace("End with the answer in \\boxed{}.", written))
    assert run.recipe.generate is not None and run.recipe.generate.instruction == INSTRUCTION
    STAGE.make(run)
    push(run)
    recipe = pull("org/sums", None, tmp_path / "pulled").read_text()
    card = (tmp_path / "pulled" / "dataset" / "README.md").read_text()
    in_card = re.search(r"~~~~yaml\n(.*?)~~~~", card, re.DOTALL)
    assert in_card is not None
    for text in (recipe, in_card[1]):
        assert YAML(typ="safe").load(text)["generate"]["instruction"] == INSTRUCTION


def published(build: Build, version: str, monkeypatch: pytest.MonkeyPatch, *, limit: int = 10**9) -> Run:
    run = build(version, recipe=RECIPE.replace("version: 0.1.0", f"version: {version}"), response=f"In {version}")
    monkeypatch.setattr("infogap.publish.sorted_rows.SLICE_BYTES", limit)
    STAGE.make(run)
    push(run)
    return run


def test_the_newest_is_the_highest_version_not_the_last_one_or_main(
    build: Build, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "quiet", False)
    published(build, "0.9.0", monkeypatch)
    newest = published(build, "0.10.0", monkeypatch)
    repo = hub.repos["org/sums"]
    repo.tags = dict(reversed(repo.tags.items()))
    repo.commit("main", {"notes.txt": Blob(b"later")}, "after the last version")
    pull("org/sums", None, tmp_path / "pulled")
    assert "v0.10.0" in capsys.readouterr().err
    assert difference(newest.path, tmp_path / "pulled").same


def test_without_a_version_the_branch_main_is_fetched_and_said(
    build: Build, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "quiet", False)
    run = published(build, "0.1.0", monkeypatch)
    hub.repos["org/sums"].tags.clear()
    pull("org/sums", None, tmp_path / "pulled")
    assert "branch main" in capsys.readouterr().err
    assert difference(run.path, tmp_path / "pulled").same


def test_a_version_takes_the_place_of_another_and_of_an_interrupted_one(
    build: Build, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published(build, "0.1.0", monkeypatch, limit=30)
    second = published(build, "0.2.0", monkeypatch)
    folder = tmp_path / "pulled"
    pull("org/sums", "0.1.0", folder)
    assert len(list(folder.glob("dataset/data/sft/*.parquet"))) > 1
    (folder / "notes.txt").write_text("mine")
    (folder / "dataset/data/sft/train-00007-of-00100.parquet").write_text("of an interrupted download")
    pull("org/sums", "0.2.0", folder)
    assert {path.name for path in folder.glob("dataset/data/*/*.parquet")} == {"train-00000-of-00001.parquet"}
    assert difference(second.path, folder).same
    assert (folder / "notes.txt").read_text() == "mine"


def test_nothing_is_pulled_into_a_folder_that_holds_something_else(build: Build, hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="mine is not empty and holds no pulled dataset"):
        pull("org/sums", None, tmp_path / "mine")
    assert hub.requests == []


def test_what_is_not_there_is_said(build: Build, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build()
    STAGE.make(run)
    push(run)
    with pytest.raises(InputError, match=r"no version v9\.9\.9"):
        pull("org/sums", "9.9.9", tmp_path / "pulled")
    with pytest.raises(InputError, match="no dataset org/nothing"):
        pull("org/nothing", None, tmp_path / "pulled")
    hub.fail(500, 50)
    monkeypatch.setattr("infogap.publish.hub_retries._ATTEMPTS", 1)
    with pytest.raises(ExternalError, match="pull again later"):
        pull("org/sums", None, tmp_path / "other")


def test_other_texts_under_the_same_ids_are_not_the_same(build: Build, tmp_path: Path) -> None:
    first, second = build("first"), build("second", response="It may be")
    for run in (first, second):
        STAGE.make(run)
    shutil.copytree(second.path / "dataset", tmp_path / "copy")
    found = difference(first.path, tmp_path / "copy")
    assert not found.recipe
    assert found.configs["sft"] == {"both": 18, "only_first": 0, "only_second": 0}
    assert found.other_contents == ["sft", "traces"]
    assert not found.same
    same = difference(second.path, tmp_path / "copy")
    assert same.same
    assert same.other_contents == same.mix == []


def test_a_dataset_that_is_not_whole_is_refused(build: Build) -> None:
    run = build()
    STAGE.make(run)
    file = run.path / "dataset" / "infogap.json"
    made = json.loads(file.read_bytes())
    for key in ("recipe", "libraries", "mixes", "files"):
        file.write_text(json.dumps({name: value for name, value in made.items() if name != key}))
        with pytest.raises(InputError, match=rf"infogap\.json is not valid .*{key}"):
            difference(run.path, run.path)
    file.write_text(json.dumps(made))
    shard = next((run.path / "dataset" / "data" / "sft").iterdir())
    shard.write_bytes(b"no Parquet")
    with pytest.raises(InputError, match="cannot read the files of"):
        difference(run.path, run.path)
    shard.unlink()
    with pytest.raises(InputError, match=r"train-00000-of-00001\.parquet is missing"):
        difference(run.path, run.path)


def test_a_folder_without_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no dataset"):
        difference(tmp_path, tmp_path)
