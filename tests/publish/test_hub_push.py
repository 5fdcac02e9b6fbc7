"""Pushing to a Hub, and loading from it what was pushed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import stamina

from hub.server import Hub
from hub.store import Blob
from infogap.console import speaking
from infogap.errors import ExternalError, InputError
from infogap.publish import STAGE, push
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES
from publish.small_run import RECIPE, Build, build_run
from servers.serve import free_port

# huggingface_hub itself calls its HTTP client in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
LOAD = """
import json, sys
from datasets import load_dataset
loaded = []
for repo, config, revision in json.loads(sys.argv[1]):
    rows = load_dataset(repo, config, revision=revision, split="train")
    loaded.append({"rows": rows.num_rows, "first": rows[0]})
print(json.dumps(loaded))
"""
SFT_FILE = "data/sft/train-00000-of-00001.parquet"
FIGURES = {f"figures/{name}.svg" for name in ("density", "mix", "coverage")}


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6, cap=True):
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose dataset folder is made; no test changes it."""
    run = build_run(tmp_path_factory.mktemp("made"))
    STAGE.make(run)
    return run


def next_version(build: Build, version: str, **options: Any) -> Run:
    run = build(version, recipe=RECIPE.replace("version: 0.1.0", f"version: {version}"), **options)
    STAGE.make(run)
    return run


def load_from(hub_url: str, home: Path, *wanted: tuple[str, str | None, str]) -> list[dict[str, Any]]:
    """What a fresh process loads with the `datasets` library, which reads its settings when imported."""
    environment = os.environ | {"HF_ENDPOINT": hub_url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(wanted)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded: list[dict[str, Any]] = json.loads(done.stdout)
    return loaded


def commits(hub: Hub) -> int:
    return len(hub.repos["org/sums"].log("main")) - 1  # without the initial one


def test_a_pushed_version_loads_by_its_tag_and_stays_when_the_next_one_comes(
    made: Run, build: Build, hub: Hub, tmp_path: Path
) -> None:
    pushed = push(made)
    repo = hub.repos["org/sums"]
    url = os.environ["HF_ENDPOINT"]
    assert pushed.url == f"{url}/datasets/org/sums"
    assert pushed.tag == "v0.1.0" and pushed.created
    assert repo.tags == {"v0.1.0": pushed.commit} and commits(hub) == 1
    assert set(repo.resolve("v0.1.0").files) == {
        ".gitattributes",
        "README.md",
        "infogap.json",
        SFT_FILE,
        "data/traces/train-00000-of-00001.parquet",
        *FIGURES,
    }
    again = push(next_version(build, "0.2.0", response="Therefore"))
    assert again.created and commits(hub) == 2 and repo.tags["v0.2.0"] == again.commit
    old, new, traces, default = load_from(
        url,
        tmp_path / "home",
        ("org/sums", "sft", "v0.1.0"),
        ("org/sums", "sft", "v0.2.0"),
        ("org/sums", "traces", "v0.1.0"),
        ("org/sums", None, "v0.1.0"),
    )
    assert old["rows"] == new["rows"] == 18 and traces["rows"] == 36
    assert "So it is" in old["first"]["messages"][1]["content"]
    assert "Therefore" in new["first"]["messages"][1]["content"]
    assert default == old


def test_the_card_names_the_repository(made: Run, hub: Hub) -> None:
    push(made)
    card = hub.repos["org/sums"].resolve("main").files["README.md"].content.decode()
    assert 'sft = load_dataset("org/sums", "sft", split="train", revision="v0.1.0")\n' in card
    assert f"howpublished = {{{os.environ['HF_ENDPOINT']}/datasets/org/sums}}" in card
    assert "path/to" not in card and "](figures/density.svg)" in card


@pytest.mark.usefixtures("charts")
def test_a_figure_that_was_changed_is_not_pushed(build: Build, hub: Hub) -> None:
    run = next_version(build, "0.2.0")
    (run.path / "dataset" / "figures" / "mix.svg").write_text("<svg/>")
    with pytest.raises(InputError, match=r"mix\.svg was changed since it was written"):
        push(run)


def test_the_card_says_what_changed_since_the_last_version(made: Run, build: Build, hub: Hub) -> None:
    push(made)
    repo = hub.repos["org/sums"]
    assert "## Changes since" not in repo.resolve("v0.1.0").files["README.md"].content.decode()
    second = next_version(build, "0.2.0", response="Therefore")
    push(second)
    card = repo.resolve("v0.2.0").files["README.md"].content.decode()
    section = card[card.index("## Changes since 0.1.0") : card.index("## Columns")]
    assert "- 18 rows of `sft` changed\n" in section
    assert not push(second).created  # the section is left as it is
    third = next_version(build, "0.2.1", response="Therefore")
    push(third)
    card = repo.resolve("v0.2.1").files["README.md"].content.decode()
    assert "## Changes since 0.2.0\n\nNone: the data are the same." in card and "since 0.1.0" not in card


def test_the_commit_says_how_many_leaking_traces_it_shows(
    made: Run, build: Build, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    push(made)
    kept = build(
        "0.2.0", recipe=RECIPE.replace("version: 0.1.0", "version: 0.2.0").replace("{size", "{leak: keep, size")
    )
    ids = kept.scan(TRACES).filter(pl.col("error").is_null()).collect()["trace_id"].sort()
    with kept.rewrite(MEASURES) as out:
        out.write(made.scan(MEASURES).collect().with_columns(leak=pl.col("trace_id").is_in(ids[:7].implode())))
    STAGE.make(kept)
    with speaking(quiet=False):
        push(kept)
    titles = [commit.title for commit in hub.repos["org/sums"].log("main")]
    assert "sums v0.1.0" in titles
    (title,) = [title for title in titles if title.startswith("sums v0.2.0")]
    assert title.startswith("sums v0.2.0, with the text of 7 leaking traces (`sft` ") and "`traces` 7)" in title
    assert "published with their text: 7 leaking traces" in " ".join(capsys.readouterr().err.split())


def test_a_folder_that_was_never_compared_with_the_contexts_is_not_pushed(build: Build, hub: Hub) -> None:
    run = build("old")
    STAGE.make(run)
    file = run.path / "dataset" / "infogap.json"
    made = json.loads(file.read_text())
    del made["leaks"]  # as a version of infogap wrote it that did not compare
    file.write_text(json.dumps(made))
    with pytest.raises(InputError, match="was not compared with what teachers were shown: run `infogap publish"):
        push(run)
    assert "org/sums" not in hub.repos


def test_pushing_twice_makes_one_commit(made: Run, hub: Hub) -> None:
    first, second = push(made), push(made)
    assert commits(hub) == 1
    assert (second.created, second.commit, second.tag) == (False, first.commit, first.tag)


def test_an_old_version_again_leaves_a_newer_one_alone(made: Run, build: Build, hub: Hub) -> None:
    first = push(made)
    second = push(next_version(build, "0.2.0", response="Therefore"))
    again = push(made)
    assert not again.created and again.commit == first.commit
    assert hub.repos["org/sums"].branches["main"] == second.commit


def test_a_version_is_never_changed(made: Run, build: Build, hub: Hub) -> None:
    first = push(made)
    changed = build("changed", response="Therefore")
    STAGE.make(changed)
    with pytest.raises(InputError, match=r"org/sums has a version v0\.1\.0 with different content: raise publish"):
        push(changed)
    assert commits(hub) == 1 and hub.repos["org/sums"].tags == {"v0.1.0": first.commit}


def test_additions_to_the_card_survive(made: Run, build: Build, hub: Hub) -> None:
    push(made)
    repo = hub.repos["org/sums"]
    card = repo.resolve("main").files["README.md"].content.decode()
    card = card.replace("pretty_name: sums", "pretty_name: Sums\nannotations_creators:\n- found")
    repo.commit("main", {"README.md": Blob(f"{card}\n## Errata\n".encode())}, "by hand")
    assert not push(made).created
    push(next_version(build, "0.2.0"))
    merged = repo.resolve("v0.2.0").files["README.md"].content.decode()
    assert "annotations_creators:\n- found" in merged and "pretty_name: Sums" in merged
    assert merged.endswith("\n## Errata\n")
    assert "version 0.2.0" in merged and "version 0.1.0" not in merged


@pytest.mark.usefixtures("charts")
def test_files_of_earlier_versions_go_and_others_stay(build: Build, made: Run, hub: Hub) -> None:
    push(made)
    repo = hub.repos["org/sums"]
    foreign: dict[str, Blob | None] = {
        "data/sft/train-00001-of-00002.parquet": Blob(b"would be loaded with ours", lfs=True),
        "data/sft/notes.txt": Blob(b"kept"),
        "data/other/train-00000-of-00001.parquet": Blob(b"kept", lfs=True),
        "figures/by-hand.png": Blob(b"kept"),
        "LICENSE": Blob(b"kept"),
    }
    repo.commit("main", foreign, "by hand")
    only_sft = RECIPE.replace("version: 0.1.0", "version: 1.0.0, configs: [sft]")
    run = build("only_sft", recipe=only_sft)
    STAGE.make(run)
    push(run)
    assert set(repo.resolve("v1.0.0").files) == {
        ".gitattributes",
        "README.md",
        "infogap.json",
        SFT_FILE,
        "data/sft/notes.txt",
        "data/other/train-00000-of-00001.parquet",
        "figures/by-hand.png",
        "LICENSE",
        *FIGURES,
    }


def test_a_commit_by_others_in_between_is_kept(made: Run, hub: Hub) -> None:
    hub.before_commit.append(lambda: hub.repos["org/sums"].commit("main", {"LICENSE": Blob(b"theirs")}, "theirs"))
    pushed = push(made)
    files = hub.repos["org/sums"].resolve(pushed.tag).files
    assert files["LICENSE"].content == b"theirs" and SFT_FILE in files
    assert commits(hub) == 2


def test_a_commit_whose_answer_was_lost_is_not_made_twice(made: Run, hub: Hub) -> None:
    hub.drop_answers = 1
    pushed = push(made)
    assert pushed.created and commits(hub) == 1
    assert hub.repos["org/sums"].tags == {"v0.1.0": pushed.commit}


@pytest.mark.parametrize(
    ("status", "where"),
    [
        (429, "/repos/create"),
        (500, "/refs"),
        (503, "validate-yaml"),
        (412, "/commit/"),
        (429, "/commit/"),
        (500, "/tag/"),
    ],
)
def test_passing_faults_are_retried(made: Run, hub: Hub, status: int, where: str) -> None:
    hub.fail(status, times=2, where=where)
    push(made)
    assert commits(hub) == 1 and list(hub.repos["org/sums"].tags) == ["v0.1.0"]
    assert not any(fault.times for fault in hub.faults)


def test_a_failing_download_of_the_card_is_retried(made: Run, build: Build, hub: Hub) -> None:
    push(made)
    hub.fail(500, times=2, where="/resolve/")
    assert push(next_version(build, "0.2.0")).created


def test_the_wait_that_the_hub_asks_for_is_kept(made: Run, hub: Hub) -> None:
    hub.fail(429, where="/commit/", headers={"Retry-After": "2"})  # the first wait would be less by itself
    with stamina.set_testing(False):
        started = time.monotonic()
        push(made)
    assert time.monotonic() - started > 2
    assert commits(hub) == 1


def test_faults_that_stay_are_told(made: Run, hub: Hub) -> None:
    for status, says in [(429, "limits your requests"), (500, "failed"), (412, "keep committing"), (400, "refuses")]:
        hub.faults.clear()
        hub.fail(status, times=100, where="/commit/")
        with pytest.raises(ExternalError, match=says):
            push(made)
    assert commits(hub) == 0


@pytest.mark.parametrize("token", ["hf_wrong", "hf_read_only", ""])
def test_a_token_that_may_not_write_is_told(
    made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    with pytest.raises(ExternalError, match=r"HF_TOKEN .* or log in with `hf auth login`") as caught:
        push(made)
    assert "\n" not in str(caught.value)
    assert len(hub.requests) < 4  # not tried again


def test_a_dead_hub_is_told(made: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with pytest.raises(ExternalError, match="does not answer"):
        push(made)


def test_a_private_repository_is_made_private(build: Build, hub: Hub) -> None:
    run = build(recipe=RECIPE.replace("repo: org/sums", "repo: org/sums, private: true"))
    STAGE.make(run)
    push(run)
    assert hub.repos["org/sums"].private
    assert push(run).created is False


def test_what_is_private_is_not_pushed_where_everyone_reads(made: Run, build: Build, hub: Hub) -> None:
    push(made)
    run = build(
        recipe=RECIPE.replace("repo: org/sums, version: 0.1.0", "repo: org/sums, private: true, version: 0.2.0")
    )
    STAGE.make(run)
    with pytest.raises(InputError, match=r"org/sums exists and is public.*make it private"):
        push(run)
    assert commits(hub) == 1 and "v0.2.0" not in hub.repos["org/sums"].tags


def test_what_cannot_be_pushed(build: Build, made: Run, hub: Hub) -> None:
    with pytest.raises(InputError, match=r"set publish\.repo"):
        push(build("homeless", recipe=RECIPE.replace("repo: org/sums, ", "")))
    with pytest.raises(InputError, match="does not exist: run `infogap publish"):
        push(build("unmade"))
    raised = made.recipe.publish.model_copy(update={"version": "0.3.0"})
    with pytest.raises(InputError, match=r"holds version 0\.1\.0, not 0\.3\.0"):
        push(Run(made.path, made.recipe.model_copy(update={"publish": raised}), made.base))
    tampered = next_version(build, "0.1.0")
    with (tampered.path / "dataset" / SFT_FILE).open("ab") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="was changed since it was written"):
        push(tampered)
    assert hub.requests == []
