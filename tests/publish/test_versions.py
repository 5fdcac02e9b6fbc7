"""Which version a change asks for, what a dry run says, and where a version goes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from hub.server import Hub
from hub.store import Blob
from infogap.errors import InputError
from infogap.publish import STAGE, push
from infogap.publish.dataset_changes import dataset_changes
from infogap.publish.folder_target import publish_to
from infogap.publish.published_dataset import PublishedDataset
from infogap.publish.version_rules import LEVELS, Version, check_version, last_release
from infogap.recipe.publish_section import Publish
from infogap.runs.run_folder import Run
from publish.small_run import RECIPE, Build, build_run

# huggingface_hub itself calls its HTTP client in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6, cap=True):
        yield


@pytest.fixture(scope="module")
def first_two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """Two versions of a dataset, the second with other texts; no test changes them."""
    folder = tmp_path_factory.mktemp("versions")
    runs = [
        build_run(folder / version, RECIPE.replace("version: 0.1.0", f"version: {version}"), response=version)
        for version in ("0.1.0", "0.1.1")
    ]
    for run in runs:
        STAGE.make(run)
    return runs[0], runs[1]


def made(build: Build, name: str, version: str = "0.1.0", publish: str = "", **options: Any) -> Run:
    run = build(name, recipe=RECIPE.replace("version: 0.1.0", f"version: {version}{publish}"), **options)
    STAGE.make(run)
    return run


def unnamed(run: Run) -> Publish:
    return run.recipe.publish.model_copy(update={"repo": None})


def levels(before: Run, after: Run) -> dict[str, list[str]]:
    found = dataset_changes(PublishedDataset(before.path), PublishedDataset(after.path))
    return {level: reasons for level, reasons in found.reasons.items() if reasons}


def rewrite(run: Run, config: str, change: Any) -> None:
    """Change a config's file, and what infogap.json says of it, as another version of infogap might write it."""
    folder = run.path / "dataset"
    path = folder / f"data/{config}/train-00000-of-00001.parquet"
    rows = change(pl.read_parquet(path))
    rows.write_parquet(path)
    made = json.loads((folder / "infogap.json").read_bytes())
    made["files"][path.relative_to(folder).as_posix()] |= {"rows": rows.height, "sha256": "another"}
    (folder / "infogap.json").write_text(json.dumps(made))


@pytest.mark.parametrize(
    ("change", "level", "reason"),
    [
        (lambda rows: rows.drop("band"), "major", "the column `band` of `sft` was removed"),
        (
            lambda rows: rows.cast({"difficulty": pl.Int64}),
            "major",
            "the column `difficulty` of `sft` changed from String to Int64",
        ),
        (lambda rows: rows.with_columns(more=1), "minor", "the column `more` of `sft` is new"),
        (
            lambda rows: pl.concat([rows, rows.head(2).with_columns(trace_id=pl.col("trace_id") + "x")]),
            "minor",
            "2 new rows in `sft`",
        ),
        (lambda rows: rows.head(5), "patch", "13 rows of `sft` removed"),
        (lambda rows: rows.with_columns(verdict=pl.lit("x")), "patch", "18 rows of `sft` changed"),
        (lambda rows: rows.reverse(), "patch", "the same rows, made or stored differently"),
    ],
)
def test_what_a_change_of_a_config_asks_for(change: Any, level: str, reason: str, build: Build) -> None:
    before, after = made(build, "before"), made(build, "after")
    assert levels(before, after) == {}
    rewrite(after, "sft", change)
    found = levels(before, after)
    assert next(iter(reversed(found))) == level
    assert any(each.startswith(reason) for each in found[level])


def test_configs_and_splits_that_come_and_go(build: Build) -> None:
    both, one = made(build, "both"), made(build, "one", publish=", configs: [sft]")
    split = made(build, "split", publish=", splits: {train: 0.5, test: 0.5}")
    assert levels(both, one) == {"major": ["the config `traces` was removed"]}
    assert levels(one, both)["minor"] == ["the config `traces` is new"]
    assert "the split `test` of `sft` is new" in levels(both, split)["minor"]
    assert "the split `test` of `sft` was removed" in levels(split, both)["major"]
    moved = dataset_changes(PublishedDataset(both.path), PublishedDataset(split.path)).rows["sft"]
    assert (moved.added, moved.removed, moved.changed) == (0, 0, 0)
    rows = pl.read_parquet(split.path / "dataset/data/sft/test-*.parquet")
    assert moved.moved == rows.height > 0


def test_another_version_alone_is_no_change(build: Build) -> None:
    before, after = made(build, "before"), made(build, "after", "0.2.0")
    assert levels(before, after) == {}
    recipe = RECIPE.replace("seed: 7", "seed: 8")
    other = build("other", recipe=recipe)
    STAGE.make(other)
    assert levels(before, other) == {"patch": ["the same rows, made or stored differently"]}


VERSIONS = st.builds(Version, *[st.integers(0, 30)] * 3)


@given(VERSIONS, st.sampled_from(LEVELS), st.integers(0, 2))
def test_the_next_version_is_the_least_that_is_accepted(last: Version, level: Any, lower: int) -> None:
    next_ = last.raised(level)
    assert next_.release > last.release
    check_version(str(next_), last, level, ["why"], "of it")
    parts = [*next_.release]
    if parts[lower]:
        parts[lower] -= 1
        parts[lower + 1 :] = [0] * (2 - lower)
        with pytest.raises(InputError):
            check_version(".".join(map(str, parts)), last, level, ["why"], "of it")


def test_releases_are_compared_by_number_and_pre_releases_left_aside() -> None:
    assert str(last_release(["v0.9.0", "v0.10.0", "v1.0.0-rc.1", "latest", "1.5.0"])) == "0.10.0"
    assert last_release(["v1.0.0-rc.1"]) is None
    check_version("1.0.0-rc.1", Version(0, 9, 0), "major", ["why"], "of it")


def test_a_version_too_low_is_refused_with_the_reason(build: Build, hub: Hub) -> None:
    push(made(build, "first", "1.0.0"))
    grown = made(build, "grown", "1.0.1", publish=", configs: [sft, traces, rl]")
    with pytest.raises(InputError, match=r"1\.0\.1 is too low after 1\.0\.0: it must be 1\.1\.0 .*`rl` is new"):
        push(grown)
    less = made(build, "less", "1.1.0", publish=", configs: [sft]")
    with pytest.raises(InputError, match=r"it must be 2\.0\.0 or higher .* the config `traces` was removed"):
        push(less)
    with pytest.raises(InputError, match=r"0\.9\.0 is not higher than 1\.0\.0, the last version of org/sums"):
        push(made(build, "older", "0.9.0", response="Other"))
    assert list(hub.repos["org/sums"].tags) == ["v1.0.0"]
    assert push(made(build, "enough", "1.1.0", publish=", configs: [sft, traces, rl]")).created


@pytest.mark.parametrize("where", ["/refs", "resolve/v0.1.0/infogap.json", "resolve/v0.1.0/data", "/commit/", "/tag/"])
@pytest.mark.parametrize("status", [429, 500])
def test_a_fault_while_versions_are_compared_is_retried(
    first_two: tuple[Run, Run], hub: Hub, where: str, status: int
) -> None:
    first, second = first_two
    push(first)
    hub.fail(status, where=where)
    assert push(second).created
    assert not any(fault.times for fault in hub.faults)
    assert list(hub.repos["org/sums"].tags) == ["v0.1.0", "v0.1.1"]
    assert len(hub.repos["org/sums"].log("main")) == 3


def test_a_repository_that_others_have_tagged_asks_for_a_higher_version_only(build: Build, hub: Hub) -> None:
    run = made(build, "first", "1.0.1")
    push(made(build, "before", "0.1.0"))
    repo = hub.repos["org/sums"]
    repo.commit("main", {"infogap.json": None, "data/sft/train-00000-of-00001.parquet": Blob(b"mine")}, "theirs")
    repo.tags["v1.0.0"] = repo.branches["main"]
    assert push(run).created
    assert repo.tags["v1.0.1"] == repo.branches["main"]


def test_a_branch_is_made_and_not_tagged_until_main_has_it(build: Build, hub: Hub) -> None:
    run = made(build, "first")
    pushed, again = push(run, branch="next"), push(run, branch="next")
    repo = hub.repos["org/sums"]
    assert (pushed.created, again.created, pushed.tagged) == (True, False, False)
    assert repo.branches["next"] == pushed.commit != repo.branches["main"]
    assert repo.tags == {}
    assert push(run).tagged
    assert repo.tags == {"v0.1.0": repo.branches["main"]}


def test_a_pull_request_is_opened_once_and_tagged_when_it_is_merged(build: Build, hub: Hub) -> None:
    run = made(build, "first")
    proposed, again = push(run, create_pr=True), push(run, create_pr=True)
    repo = hub.repos["org/sums"]
    assert proposed.pull_request == again.pull_request == f"{os.environ['HF_ENDPOINT']}/datasets/org/sums/discussions/1"
    assert (proposed.created, again.created) == (True, False)
    assert list(repo.pull_requests) == ["refs/pr/1"] and repo.tags == {}
    assert "data/sft/train-00000-of-00001.parquet" not in repo.resolve("main").files
    repo.merge("refs/pr/1")
    nothing = push(run, create_pr=True)
    assert nothing.pull_request is None and not nothing.created
    assert push(run).tagged and repo.tags["v0.1.0"] == proposed.commit


# A folder as the target


def test_a_folder_gets_a_version_and_keeps_what_else_it_holds(build: Build, tmp_path: Path) -> None:
    target = tmp_path / "data"
    assert publish_to(made(build, "first", publish=", splits: {train: 0.5, test: 0.5}"), target)
    (target / "LICENSE").write_text("mine")
    (target / ".git").mkdir()
    card = (target / "README.md").read_text()
    (target / "README.md").write_text(f"{card}\nWritten by hand.\n")
    second = made(build, "second", "1.0.0", response="Therefore")
    assert publish_to(second, target)
    assert not publish_to(second, target)
    assert PublishedDataset(target).version == "1.0.0"
    assert (target / "LICENSE").read_text() == "mine" and (target / ".git").is_dir()
    assert "Written by hand." in (target / "README.md").read_text()
    assert {path.name for path in (target / "data").rglob("*.parquet")} == {"train-00000-of-00001.parquet"}
    assert 'load_dataset("org/sums"' in (target / "README.md").read_text()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".data")]


def test_a_folders_version_is_never_changed_and_high_enough(build: Build, tmp_path: Path) -> None:
    target = tmp_path / "data"
    publish_to(made(build, "first"), target)
    with pytest.raises(InputError, match=r"has version 0\.1\.0 with different content"):
        publish_to(made(build, "other", response="Therefore"), target)
    with pytest.raises(InputError, match=r"0\.2\.0 is too low after 0\.1\.0: it must be 1\.0\.0"):
        publish_to(made(build, "less", "0.2.0", publish=", configs: [sft]"), target)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="mine is not empty and holds no dataset"):
        publish_to(made(build, "third"), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    own = made(build, "own", publish=", configs: [sft]")
    nowhere = replace(own, recipe=own.recipe.model_copy(update={"publish": unnamed(own)}))
    publish_to(nowhere, tmp_path / "unnamed")
    assert 'load_dataset("unnamed", "sft"' in (tmp_path / "unnamed" / "README.md").read_text()
    with pytest.raises(InputError, match="own dataset folder"):
        run = made(build, "fourth")
        publish_to(run, run.path / "dataset")
