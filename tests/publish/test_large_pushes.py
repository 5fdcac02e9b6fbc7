"""Pushes of many files: uploaded in batches, resumed after a kill, and visible only as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import stamina
from huggingface_hub import constants

from hub import xet_storage
from hub.server import Hub
from hub.store import Blob, Repository
from infogap.console import speaking
from infogap.errors import ExternalError
from infogap.publish import STAGE, hub_commits, hub_upload, push, sorted_rows
from infogap.runs.run_folder import Run
from publish.small_run import RECIPE, Build, build_run

# huggingface_hub itself calls its HTTP client in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
ONE_SHARD_PER_ROW = 1  # byte of text
PUSH = """
import sys
from pathlib import Path
from infogap.publish import hub_upload, push
from infogap.runs.run_folder import Run
hub_upload.BATCH_FILES = 10
push(Run.open(Path(sys.argv[1])))
"""


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6, cap=True):
        yield


def in_many_files(folder: Path, recipe: str = RECIPE) -> Run:
    """A run whose dataset has a file per row: 18 of `sft`, 36 of `traces`."""
    run = build_run(folder, recipe=recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorted_rows, "SLICE_BYTES", ONE_SHARD_PER_ROW)
        STAGE.make(run)
    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return in_many_files(tmp_path_factory.mktemp("made"))


def data_files(run: Run) -> dict[str, bytes]:
    folder = run.path / "dataset"
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.parquet")}


def on_the_hub(hub: Hub, revision: str) -> dict[str, bytes]:
    files = hub.repos["org/sums"].resolve(revision).files
    return {path: blob.content for path, blob in files.items() if path.endswith(".parquet")}


def push_in_a_process(run: Run, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PUSH, str(run.path)],
        env=os.environ | {"HF_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    )


def push_undisturbed(run: Run, home: Path) -> None:
    process = push_in_a_process(run, home)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors


def push_until_killed(hub: Hub, run: Run, home: Path, where: str, after: int) -> None:
    """Push in a process that is killed in the middle of its request number `after` that has `where` in it."""
    processes: list[subprocess.Popen[str]] = []
    seen = 0

    def kill(called: str) -> None:
        nonlocal seen
        seen += where in called
        if seen == after:
            processes[0].send_signal(signal.SIGKILL)

    hub.on_request = kill
    processes.append(push_in_a_process(run, home))
    processes[0].communicate(timeout=120)
    hub.on_request = lambda _called: None
    assert processes[0].returncode == -signal.SIGKILL


def test_files_are_uploaded_in_batches_before_one_commit(made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_upload, "BATCH_FILES", 10)
    pushed = push(made)
    assert len(data_files(made)) == 54 and on_the_hub(hub, pushed.tag) == data_files(made)
    calls = [call.rpartition("/")[2] for call in hub.requests if call.endswith(("/objects/batch", "/commit/main"))]
    assert calls == ["batch"] * 6 + ["main"]
    assert len(hub.repos["org/sums"].log("main")) == 2


def test_a_push_that_is_killed_sends_only_the_rest_again(tmp_path: Path, hub: Hub) -> None:
    run = in_many_files(tmp_path)
    push_until_killed(hub, run, tmp_path / "home", "PUT /large-files/", after=25)
    assert on_the_hub(hub, "main") == {} and hub.repos["org/sums"].tags == {}
    stored, sent = set(hub.large_files), len(hub.received)
    assert 20 <= len(stored) < 30
    push_undisturbed(run, tmp_path / "home")
    assert on_the_hub(hub, "v0.1.0") == data_files(run)
    sent_again = {oid for oid, _ in hub.received[sent:]}
    assert not stored & sent_again and stored | sent_again == set(hub.large_files)


def test_a_refused_upload_is_resumed_within_the_push(made: Run, hub: Hub) -> None:
    hub.fail(500, times=3, where="PUT /large-files/")
    hub.fail(500, times=1, where="/commit/main")
    push(made)
    assert set(Counter(oid for oid, _ in hub.received).values()) == {1}


def test_failures_between_batches_do_not_add_up(made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_upload, "BATCH_FILES", 6)
    with stamina.set_testing(True, attempts=20, cap=False):
        sent = 0

        def fail_now_and_then(called: str) -> None:
            nonlocal sent
            sent += "PUT" in called
            if "PUT" in called and sent % 6 == 0:
                hub.fail(503, where="/preupload/")

        hub.on_request = fail_now_and_then
        push(made)
    assert on_the_hub(hub, "v0.1.0") == data_files(made)


def test_too_many_files_for_a_commit_are_merged_at_once(made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_commits, "FILES_PER_COMMIT", 20)
    hub.files_per_commit = 20
    pushed = push(made)
    repo = hub.repos["org/sums"]
    assert on_the_hub(hub, pushed.tag) == data_files(made) and repo.tags == {"v0.1.0": repo.branches["main"]}
    assert repo.proposals[1].status == "merged"
    assert push(made).created is False


def test_a_kill_between_its_commits_leaves_main_alone_and_is_continued(
    tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = in_many_files(tmp_path)
    monkeypatch.setattr(hub_commits, "FILES_PER_COMMIT", 20)
    hub.fail(400, where="/commit/refs%2Fpr%2F1")
    hub.faults[0].skip = 1
    with pytest.raises(ExternalError, match="refuses the push"):
        push(run)
    repo = hub.repos["org/sums"]
    assert on_the_hub(hub, "main") == {} and len(on_the_hub(hub, "refs/pr/1")) == 20
    push(run)
    assert on_the_hub(hub, "v0.1.0") == data_files(run)
    assert list(repo.proposals) == [1] and set(Counter(oid for oid, _ in hub.received).values()) == {1}


def test_what_others_propose_is_never_merged(made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_commits, "FILES_PER_COMMIT", 20)
    repo = hub.repos["org/sums"] = Repository("org/sums")
    number = repo.open_proposal(repo.branches["main"], "sums v0.1.0", "draft", author="stranger")
    repo.commit(f"refs/pr/{number}", {"data/sft/evil.parquet": Blob(b"evil", lfs=True)}, "evil")
    push(made)
    assert on_the_hub(hub, "v0.1.0") == data_files(made)
    assert repo.proposals[number].status == "draft"


def test_a_conflict_opens_another_pull_request(made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_commits, "FILES_PER_COMMIT", 20)

    def edit_card() -> None:
        hub.repos["org/sums"].commit("main", {"README.md": Blob(b"---\nlicense: mit\n---\nBy hand\n")}, "theirs")

    hub.before_commit.append(edit_card)
    push(made)
    repo = hub.repos["org/sums"]
    assert [each.status for each in repo.proposals.values()] == ["closed", "merged"]
    assert on_the_hub(hub, "v0.1.0") == data_files(made)
    assert "By hand" in repo.resolve("v0.1.0").files["README.md"].content.decode()


def test_a_proposal_of_many_files_is_one_pull_request(made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_commits, "FILES_PER_COMMIT", 20)
    pushed = push(made, create_pr=True)
    assert pushed.pull_request == f"{pushed.url}/discussions/1" and not pushed.tagged
    assert on_the_hub(hub, "main") == {} and on_the_hub(hub, "refs/pr/1") == data_files(made)
    assert hub.repos["org/sums"].proposals[1].status == "open"
    assert push(made, create_pr=True).created is False
    hub.repos["org/sums"].merge("refs/pr/1")
    assert push(made).tagged and list(hub.repos["org/sums"].tags) == ["v0.1.0"]


def test_a_branch_gets_several_commits_the_card_last(made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_commits, "FILES_PER_COMMIT", 20)
    push(made, branch="next")
    log = hub.repos["org/sums"].log("next")
    assert on_the_hub(hub, "next") == data_files(made) and len(log) == 4
    assert ["infogap.json" in commit.files for commit in log] == [True, False, False, False]


def test_xet_is_used_where_the_hub_has_it(made: Run, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.xet = tmp_path / "xet"
    push(made)
    assert on_the_hub(hub, "v0.1.0") == data_files(made)
    assert hub.received == [] and not any("/objects/batch" in call for call in hub.requests)
    assert constants.HF_HUB_DISABLE_XET is False


def test_lfs_is_used_where_the_hub_has_no_xet_or_the_user_wants_none(
    made: Run, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    push(made)
    assert len(hub.received) == 54 and constants.HF_HUB_DISABLE_XET is False
    del hub.repos["org/sums"]
    hub.large_files.clear()
    hub.received.clear()
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    hub.xet = tmp_path / "xet"
    push(made)
    assert len(hub.received) == 54 and not hub.xet.exists()


def test_a_kill_during_xet_sends_no_chunk_twice(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    run = in_many_files(tmp_path)
    monkeypatch.delenv("HF_HUB_DISABLE_XET", raising=False)
    hub.xet = tmp_path / "undisturbed"
    push_undisturbed(run, tmp_path / "home0")
    assert on_the_hub(hub, "v0.1.0") == data_files(run)
    hub.repos.clear()
    hub.large_files.clear()
    hub.xet = tmp_path / "killed"
    push_until_killed(hub, run, tmp_path / "home1", "/preupload/", after=4)
    assert on_the_hub(hub, "main") == {}
    sent = xet_storage.stored_bytes(tmp_path / "killed")
    assert sent > 0
    push_undisturbed(run, tmp_path / "home2")
    assert on_the_hub(hub, "v0.1.0") == data_files(run)
    in_all = xet_storage.stored_bytes(tmp_path / "killed")
    assert sent < in_all <= xet_storage.stored_bytes(tmp_path / "undisturbed") * 1.01


def test_progress_is_told_in_megabytes_with_rate(
    made: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hub_upload, "_MB", 10)
    with speaking(quiet=False):
        push(made)
    figures = sum(path.stat().st_size for path in (made.path / "dataset" / "figures").iterdir())
    total = (sum(map(len, data_files(made).values())) + figures) // 10
    assert f"upload    {total:,}/{total:,} " in capsys.readouterr().err


def test_the_next_version_uploads_only_what_changed(build: Build, made: Run, hub: Hub, tmp_path: Path) -> None:
    push(made)
    before = len(hub.received)
    push(in_many_files(tmp_path / "next", RECIPE.replace("version: 0.1.0", "version: 0.2.0")))
    assert len(hub.received) == before
    assert pl.read_parquet(hub.repos["org/sums"].resolve("v0.2.0").files[next(iter(data_files(made)))].content).height
