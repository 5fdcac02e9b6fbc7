"""A published version comes back with its recipe, and can be compared with another."""

import shutil
from pathlib import Path

import pytest

from hub.server import Hub
from infogap.errors import UserError, WorldError
from infogap.publish import STAGE, push
from infogap.publish.difference import difference
from infogap.publish.pull import pull
from publish.small_run import Build


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


def test_what_is_not_there_is_said(build: Build, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build()
    STAGE.make(run)
    push(run)
    with pytest.raises(UserError, match=r"no version v9\.9\.9"):
        pull("org/sums", "9.9.9", tmp_path / "pulled")
    with pytest.raises(UserError, match="no dataset org/nothing"):
        pull("org/nothing", None, tmp_path / "pulled")
    hub.fail(500, 50)
    monkeypatch.setattr("infogap.publish.hub_access._ATTEMPTS", 1)
    with pytest.raises(WorldError, match="pull again later"):
        pull("org/sums", None, tmp_path / "other")


def test_a_change_of_the_recipe_and_of_the_traces_is_named(build: Build, tmp_path: Path) -> None:
    first, second = build("first"), build("second", response="It may be")
    for run in (first, second):
        STAGE.make(run)
    shutil.copytree(second.path / "dataset", tmp_path / "copy")
    found = difference(first.path, tmp_path / "copy")
    assert not found.recipe
    same = difference(first.path, first.path)
    assert same.same
    assert same.mix == []


def test_a_folder_without_a_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no dataset"):
        difference(tmp_path, tmp_path)
