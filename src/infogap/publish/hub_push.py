"""Push to the Hub: one commit with data, card and infogap.json, and one tag for the version."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson

from infogap.console import say
from infogap.errors import InputError, ShortfallError
from infogap.ids import file_digest
from infogap.publish.card_merge import address, changes_section, changes_section_of, merge_cards, with_changes
from infogap.publish.dataset_changes import dataset_changes
from infogap.publish.hub_client import clear_errors, hub_client, transfer_bars
from infogap.publish.hub_commits import Commits
from infogap.publish.hub_retries import Retries
from infogap.publish.last_version import fetch_version
from infogap.publish.made_from import FILE_NAME
from infogap.publish.provenance import PublishedLeaks
from infogap.publish.published_dataset import PublishedDataset, is_data_file, is_figure
from infogap.publish.version_rules import Version, check_version, last_release
from infogap.runs.run_folder import Run

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
    from huggingface_hub.hf_api import RepoFile

    from infogap.publish.hub_upload import DataFile

_CARD = "README.md"
_REPLACED = ("data/", "figures/")


@dataclass(frozen=True)
class PushResult:
    """A version on the Hub. `created` is false if it already existed with the same content."""

    url: str
    tag: str
    commit: str
    created: bool
    branch: str = "main"
    pull_request: str | None = None  # its address, if the commit was proposed in one
    tagged: bool = True  # False on another branch or in a pull request, where a version is not tagged yet


def push(run: Run, *, branch: str = "main", create_pr: bool = False) -> PushResult:
    """Push the run's dataset folder to its repository as the recipe's version.

    Data files are uploaded first, which nobody sees; then a commit adds the whole version, and a tag names it. A push
    that was interrupted is continued by the next: what the Hub has is not sent again. Rate limits, server errors and
    concurrent commits by others are retried. Versions are tagged only on `main`: content
    pushed to another branch or proposed in a pull request is tagged by the first push that finds it on `main`.

    Raises InputError if the recipe names no repository, the folder does not exist, the repository is public although
    the recipe says private, the version exists with different content, or it is lower than the changes since the last
    one require; ShortfallError if a config that the recipe names has no rows; ExternalError if the Hub does not answer
    or refuses.
    """
    repo, folder = run.recipe.publish.repo, run.path / "dataset"
    if repo is None:
        raise InputError("the recipe names no repository: set publish.repo to org/name")
    published = run.manifest("dataset")
    if published is not None and (lacking := published.counts.get("shortfall")):
        raise ShortfallError(f"nothing is pushed: {lacking}")
    version = run.recipe.publish.version
    data, leaks = checked_data(folder, version, run)
    if leaks:
        say(f"published with their text: {leaks}", style="yellow")
    message = f"{run.recipe.name} v{version}" + (f", with the text of {leaks}" if leaks else "")
    private = run.recipe.publish.private
    upload = _Upload(hub_client(), repo, private, folder, data, f"v{version}", message, branch, create_pr)
    with clear_errors(upload.api.endpoint, repo), transfer_bars(shown=False):
        return upload.retries(upload.attempt)  # each attempt reads the repository anew: nothing is committed twice


def checked_data(folder: Path, version: str, run: Run) -> tuple[dict[str, str], str]:
    """Return the folder's data files and figures with their SHA-256, and a phrase on its leaking traces.

    The phrase is empty if it has none.

    Raises InputError if the folder is missing, has another version, was changed since it was written, or was never
    compared with the contexts because an earlier version of infogap wrote it.
    """
    again = f"run `infogap publish {run.path}` first"
    try:
        made = orjson.loads((folder / FILE_NAME).read_bytes())
        there = made["recipe"]["publish"]["version"]
        data = {path: str(entry["sha256"]) for path, entry in made["files"].items()} | made.get("figures", {})
    except FileNotFoundError:
        raise InputError(f"{folder} does not exist: {again}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{folder / FILE_NAME} was changed since it was written: {again}") from None
    if there != version:
        raise InputError(f"{folder} holds version {there}, not {version}: {again}")
    if "leaks" not in made:
        raise InputError(f"{folder} was not compared with what teachers were shown: {again}")
    for path, sha256 in data.items():
        known = is_data_file(path) or is_figure(path)
        if not known or not (folder / path).is_file() or file_digest(folder / path) != sha256:
            raise InputError(f"{folder / path} was changed since it was written: {again}")
    return data, PublishedLeaks(**made["leaks"]).in_words


@dataclass(frozen=True)
class _Upload:
    """An upload, which can be attempted any number of times."""

    api: HfApi
    repo: str
    private: bool
    folder: Path
    data: dict[str, str]  # path in the folder -> SHA-256
    tag: str
    message: str
    branch: str
    create_pr: bool
    retries: Retries = field(default_factory=Retries)
    files: dict[str, DataFile] = field(default_factory=dict)  # by path; each knows whether it was uploaded
    changes: dict[frozenset[str], str] = field(default_factory=dict)  # the card's section on them, by the tags there

    @property
    def url(self) -> str:
        return f"{self.api.endpoint}/datasets/{self.repo}"

    def attempt(self) -> PushResult:
        """Commit the differences, if any, and tag the commit."""
        # If not private, leave visibility to the Hub: an organisation may make everything private.
        self.api.create_repo(self.repo, repo_type="dataset", private=self.private or None, exist_ok=True)
        if self.private and not self.api.repo_info(self.repo, repo_type="dataset").private:
            raise InputError(
                f"{self.repo} exists and is public, but the recipe says publish.private: make it private on the Hub, "
                "or set publish.private to false"
            )
        refs = self.api.list_repo_refs(self.repo, repo_type="dataset")
        tagged = {tag.name: tag.target_commit for tag in refs.tags}
        if self.tag in tagged:
            if self._operations(self.tag, changes=None):
                raise InputError(
                    f"{self.repo} has a version {self.tag} with different content: raise publish.version, or use "
                    "--version auto (a published version is never changed)"
                )
            return PushResult(self.url, self.tag, tagged[self.tag], created=False)
        changes = self._changes(list(tagged))
        heads = {branch.name: branch.target_commit for branch in refs.branches}
        if self.branch not in heads:
            self.api.create_branch(self.repo, repo_type="dataset", branch=self.branch, exist_ok=True)
            heads[self.branch] = heads["main"]
        if self.create_pr:
            return self._proposed(heads["main"], changes)
        operations = self._operations(heads[self.branch], changes)
        commit = heads[self.branch]
        if operations:
            self._upload(operations, self.branch)
            commit = self._commits(changes).add(operations, self.branch, commit)
        on_main = self.branch == "main"
        if on_main:
            self.api.create_tag(self.repo, repo_type="dataset", tag=self.tag, revision=commit)
        return PushResult(self.url, self.tag, commit, on_main or bool(operations), self.branch, tagged=on_main)

    def _changes(self, tags: list[str]) -> str:
        """Return the card's section on the changes since the last release; empty if there is none to compare with.

        Raises InputError if the version is lower than the changes require.
        """
        last, asked = last_release(tags), Version.parse(self.tag)
        if last is None or asked is None:
            return ""
        if frozenset(tags) in self.changes:
            return self.changes[frozenset(tags)]
        ours = PublishedDataset(self.folder)
        where = f"of {self.repo}"
        check_version(str(asked), last, None, [], where)
        with TemporaryDirectory() as folder:
            before = fetch_version(self.api, self.repo, f"v{last}", ours, Path(folder))
            section = ""
            if before is not None:
                changes = dataset_changes(before, ours)
                check_version(str(asked), last, changes.level, changes.why, where)
                section = changes_section(last, changes)
        self.changes[frozenset(tags)] = section
        return section

    def _proposed(self, head: str, changes: str) -> PushResult:
        """Open a pull request with the differences, unless one already proposes them."""
        operations = self._operations(head, changes)
        if not operations:
            return PushResult(self.url, self.tag, head, created=False, tagged=False)
        refs = self.api.list_repo_refs(self.repo, repo_type="dataset", include_pull_requests=True)
        for ref in sorted(refs.pull_requests or [], key=lambda ref: int(ref.ref.rpartition("/")[2]), reverse=True):
            if not self._operations(ref.ref, changes):
                address = f"{self.url}/discussions/{ref.ref.rpartition('/')[2]}"
                return PushResult(self.url, self.tag, ref.target_commit, False, pull_request=address, tagged=False)
        self._upload(operations, "main")
        commit, address = self._commits(changes).propose(operations, head)
        return PushResult(self.url, self.tag, commit, True, pull_request=address, tagged=False)

    def _commits(self, changes: str) -> Commits:
        return Commits(self.api, self.repo, self.message, partial(self._operations, changes=changes))

    def _upload(self, operations: list[CommitOperationAdd | CommitOperationDelete], revision: str) -> None:
        from infogap.publish.hub_upload import DataFile, upload

        files = [operation for operation in operations if isinstance(operation, DataFile)]
        upload(self.api, self.repo, files, revision, self.retries.progressed, self.create_pr)

    def _operations(self, revision: str, changes: str | None) -> list[CommitOperationAdd | CommitOperationDelete]:
        """Return the operations that make the repository at a revision match the folder; empty if it already does.

        Data files come first, the card and infogap.json last. `changes` is the card's section on changes; None leaves
        the section of the card at that revision.
        """
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete
        from huggingface_hub.hf_api import RepoFile

        tree = self.api.list_repo_tree(self.repo, repo_type="dataset", revision=revision, recursive=True)
        there = {entry.path: entry for entry in tree if isinstance(entry, RepoFile)}
        texts = {_CARD: self._card(revision, there, changes), FILE_NAME: (self.folder / FILE_NAME).read_bytes()}
        changed = [path for path in self.data if not self._is_there(self.folder / path, there.get(path))]
        stale = self._replaced(revision, there) - self.data.keys() - texts.keys()
        return [
            *(self._data_file(path) for path in changed),
            *(CommitOperationDelete(path) for path in sorted(stale)),
            *(
                CommitOperationAdd(path, text)
                for path, text in texts.items()
                if not self._is_there(text, there.get(path))
            ),
        ]

    def _data_file(self, path: str) -> DataFile:
        from infogap.publish.hub_upload import DataFile

        if path not in self.files or self.files[path]._is_committed:  # in a pull request that was closed
            self.files[path] = DataFile(path, self.folder / path)
        return self.files[path]

    def _is_there(self, content: bytes | Path, there: RepoFile | None) -> bool:
        """Return True if a file on the Hub has this content, by its stored digest: SHA-256 if in LFS, else git's."""
        from huggingface_hub.utils.sha import git_hash

        if there is None:
            return False
        if isinstance(content, Path) and there.lfs is not None:
            return there.lfs.sha256 == self.data[content.relative_to(self.folder).as_posix()]
        return there.blob_id == git_hash(content.read_bytes() if isinstance(content, Path) else content)

    def _card(self, revision: str, there: dict[str, RepoFile], changes: str | None) -> bytes:
        ours = (self.folder / _CARD).read_text(encoding="utf-8")
        ours = address(ours, self.repo, self.url, self.tag.removeprefix("v"))
        theirs = self._read(_CARD, revision).decode(errors="replace") if _CARD in there else None
        if changes is None:
            changes = changes_section_of(theirs or "")
        ours = with_changes(ours, changes)
        return (ours if theirs is None else merge_cards(ours, theirs)).encode()

    def _replaced(self, revision: str, there: dict[str, RepoFile]) -> set[str]:
        """Return the data files and figures at a revision that a push replaces.

        These are the files that its infogap.json lists, and all that the patterns of our configs would match. Nothing
        else is ever deleted.
        """
        listed: set[str] = set()
        if FILE_NAME in there:
            try:
                made = orjson.loads(self._read(FILE_NAME, revision))
                listed = {*made.get("files", {}), *made.get("figures", {})}
            except (orjson.JSONDecodeError, AttributeError):
                listed = set()  # a file of that name that infogap did not write
        configs = "|".join(sorted({path.split("/")[1] for path in self.data if path.startswith("data/")}))
        picked_up = re.compile(rf"data/({configs})/\w+-[^/]*\.parquet")
        return {path for path in there if picked_up.fullmatch(path) or (path in listed and path.startswith(_REPLACED))}

    def _read(self, path: str, revision: str) -> bytes:
        with TemporaryDirectory() as folder:
            file = self.api.hf_hub_download(self.repo, path, repo_type="dataset", revision=revision, local_dir=folder)
            return Path(file).read_bytes()
