"""The tests' Hub answers the real client as the Hub does."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from hub.server import Hub
from hub.store import Blob
from servers.serve import serve

# huggingface_hub itself calls its HTTP client in a deprecated way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
LARGE = bytes(range(256)) * 8


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def api(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Iterator[HfApi]:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with serve(hub.app) as url:
        made = HfApi(endpoint=url, token=hub.token)
        made.create_repo("org/data", repo_type="dataset")
        yield made


def commit(api: HfApi, *operations: CommitOperationAdd | CommitOperationDelete, parent: str | None = None) -> str:
    made = api.create_commit(
        "org/data", operations, repo_type="dataset", commit_message="a commit", parent_commit=parent
    )
    return str(made.oid)


def test_small_and_large_files_come_back(api: HfApi, hub: Hub, tmp_path: Path) -> None:
    commit(api, CommitOperationAdd("notes/a.txt", b"small"), CommitOperationAdd("data/b.parquet", LARGE))
    assert set(hub.large_files) == {hashlib.sha256(LARGE).hexdigest()}
    listed = {entry.path for entry in api.list_repo_tree("org/data", repo_type="dataset", recursive=True)}
    assert listed == {".gitattributes", "notes", "notes/a.txt", "data", "data/b.parquet"}
    assert {entry.path for entry in api.list_repo_tree("org/data", "notes", repo_type="dataset")} == {"notes/a.txt"}
    for path, content in {"notes/a.txt": b"small", "data/b.parquet": LARGE}.items():
        file = api.hf_hub_download("org/data", path, repo_type="dataset", local_dir=tmp_path)
        assert Path(file).read_bytes() == content


def test_commits_are_snapshots(api: HfApi) -> None:
    first = commit(api, CommitOperationAdd("a/one", b"1"), CommitOperationAdd("a/two", b"2"))
    second = commit(api, CommitOperationDelete("a/one"), parent=first)
    assert "a/one" in api.list_repo_files("org/data", repo_type="dataset", revision=first)
    assert "a/one" not in api.list_repo_files("org/data", repo_type="dataset", revision=second)
    commit(api, CommitOperationDelete("a/", is_folder=True))
    assert api.list_repo_files("org/data", repo_type="dataset") == [".gitattributes"]
    assert [made.title for made in api.list_repo_commits("org/data", repo_type="dataset")] == [
        "a commit",
        "a commit",
        "a commit",
        "initial commit",
    ]


def test_a_stale_parent_is_refused(api: HfApi) -> None:
    first = commit(api, CommitOperationAdd("one", b"1"))
    commit(api, CommitOperationAdd("two", b"2"))
    with pytest.raises(HfHubHTTPError, match="A commit has happened since") as caught:
        commit(api, CommitOperationAdd("three", b"3"), parent=first)
    assert caught.value.response.status_code == 412


def test_tags_and_branches_with_slashes(api: HfApi) -> None:
    first = commit(api, CommitOperationAdd("one", b"1"))
    api.create_tag("org/data", tag="v1", repo_type="dataset")
    api.create_branch("org/data", branch="try/this", repo_type="dataset")
    for revision in ("v1", "try/this", "refs/heads/main"):
        assert api.dataset_info("org/data", revision=revision).sha == first
    refs = api.list_repo_refs("org/data", repo_type="dataset")
    assert {tag.name: tag.target_commit for tag in refs.tags} == {"v1": first}
    with pytest.raises(HfHubHTTPError, match="exists already"):
        api.create_tag("org/data", tag="v1", repo_type="dataset")
    api.delete_tag("org/data", tag="v1", repo_type="dataset")
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info("org/data", revision="v1")


def test_ranges(api: HfApi, hub: Hub) -> None:
    hub.repos["org/data"].commit("main", {"file": Blob(b"0123456789")}, "by hand")
    url = f"{api.endpoint}/datasets/org/data/resolve/main/file"
    asked = urllib.request.Request(url, headers={"Range": "bytes=2-4"})
    with urllib.request.urlopen(asked) as answer:
        assert (answer.status, answer.read(), answer.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")


def test_who_may_do_what(api: HfApi, hub: Hub) -> None:
    assert api.whoami()["auth"]["accessToken"]["role"] == "write"
    api.create_repo("org/closed", repo_type="dataset", private=True)
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info("org/closed", token=False)
    with pytest.raises(HfHubHTTPError, match="write access"):
        api.create_tag("org/data", tag="v1", repo_type="dataset", token=hub.read_token)
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        api.dataset_info("org/data", token="hf_wrong")


def test_cards_with_invalid_metadata_are_refused(api: HfApi) -> None:
    with pytest.raises(ValueError, match=r"Invalid metadata in README\.md"):
        commit(api, CommitOperationAdd("README.md", b"---\ntags: [unclosed\n---\n"))
