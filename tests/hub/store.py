"""The contents of the tests' Hub: repositories with commits kept as snapshots, branches and tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ATTRIBUTES = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"
_FIRST_COMMIT = datetime(2026, 1, 1, tzinfo=UTC)


class RevisionNotFoundError(Exception):
    """No branch, tag or commit of that name."""


class StaleParentError(Exception):
    """The branch has moved since the parent that a commit was made for."""


@dataclass(frozen=True)
class Blob:
    """A file's content; large files are known by their SHA-256, others by git's digest."""

    content: bytes
    lfs: bool = False

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def git_oid(self) -> str:
        """What git knows the file by: for a large file that is the digest of its pointer."""
        data = self._pointer if self.lfs else self.content
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.git_oid

    @property
    def _pointer(self) -> bytes:
        lines = "version https://git-lfs.github.com/spec/v1", f"oid sha256:{self.sha256}", f"size {len(self.content)}"
        return "".join(f"{line}\n" for line in lines).encode()


@dataclass(frozen=True)
class Commit:
    """A snapshot of all files."""

    oid: str
    parent: str | None
    files: Mapping[str, Blob]
    title: str
    date: str


@dataclass
class Proposal:
    """What is known of a pull request besides its commits."""

    title: str
    base: str  # the commit that it starts from
    author: str = "org"
    status: str = "open"


@dataclass
class Repository:
    """A repository, born with one commit, as on the Hub."""

    id: str
    private: bool = False
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    pull_requests: dict[str, str] = field(default_factory=dict)  # "refs/pr/1": its commit
    proposals: dict[int, Proposal] = field(default_factory=dict)  # the same pull requests, by number

    def __post_init__(self) -> None:
        self._add("main", None, {".gitattributes": Blob(ATTRIBUTES)}, "initial commit")

    def resolve(self, revision: str) -> Commit:
        """The commit that a branch, a tag, a full ref or an object id names."""
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        oid = self.branches.get(name) or self.tags.get(name) or self.pull_requests.get(name) or revision
        if oid not in self.commits:
            raise RevisionNotFoundError(revision)
        return self.commits[oid]

    def commit(self, branch: str, changes: Mapping[str, Blob | None], title: str, parent: str | None = None) -> Commit:
        """Add a commit; None removes a file. `parent` is what the branch must point to, if given."""
        if branch not in self.branches and branch not in self.pull_requests:
            raise RevisionNotFoundError(branch)
        head = self.branches.get(branch) or self.pull_requests[branch]
        if parent is not None and not head.startswith(parent):
            raise StaleParentError
        merged = {**self.commits[head].files, **changes}
        files = {path: blob for path, blob in sorted(merged.items()) if blob is not None}
        return self._add(branch, head, files, title)

    def propose(self, branch: str, changes: Mapping[str, Blob | None], title: str, parent: str | None = None) -> Commit:
        """Add a commit as a pull request; the branch stays where it is."""
        head = self.resolve(branch).oid
        made = self.commit(branch, changes, title, parent)
        self.branches[branch] = head
        self.pull_requests[f"refs/pr/{self.open_proposal(head, title)}"] = made.oid
        return made

    def open_proposal(self, base: str, title: str, status: str = "open", author: str = "org") -> int:
        """Open a pull request without changes; return its number."""
        number = len(self.proposals) + 1
        self.proposals[number] = Proposal(title, base, author, status)
        self.pull_requests[f"refs/pr/{number}"] = base
        return number

    def merge(self, pull_request: str) -> None:
        """Merge a pull request into main: all its changes at once, unless main has changed one of the same files."""
        ours = self.commits[self.pull_requests[pull_request]].files
        base = self.commits[self.proposals[int(pull_request.rpartition("/")[2])].base].files
        changed = {path for path in {*ours, *base} if ours.get(path) != base.get(path)}
        head = self.resolve("main")
        if any(head.files.get(path) not in (base.get(path), ours.get(path)) for path in changed):
            raise StaleParentError
        if head.files == base:
            self.branches["main"] = self.pull_requests[pull_request]
        else:
            self.commit("main", {path: ours.get(path) for path in changed}, f"merge {pull_request}")

    def log(self, revision: str) -> list[Commit]:
        """The commits that lead to a revision, the newest first."""
        found = [self.resolve(revision)]
        while (parent := found[-1].parent) is not None:
            found.append(self.commits[parent])
        return found

    def _add(self, branch: str, parent: str | None, files: dict[str, Blob], title: str) -> Commit:
        tree = sorted((path, blob.git_oid) for path, blob in files.items())
        oid = hashlib.sha1(repr((self.id, parent, tree, title, len(self.commits))).encode()).hexdigest()
        date = _FIRST_COMMIT + timedelta(minutes=len(self.commits))
        made = Commit(oid, parent, files, title, f"{date:%Y-%m-%dT%H:%M:%S.000Z}")
        self.commits[oid] = made
        (self.pull_requests if branch in self.pull_requests else self.branches)[branch] = oid
        return made
