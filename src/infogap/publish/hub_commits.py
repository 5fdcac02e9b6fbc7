"""Commit a version to the Hub so that readers of `main` see all of it or nothing, however many files it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infogap.console import say

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    Operation = CommitOperationAdd | CommitOperationDelete

# The Hub checks a commit's files before it answers, and is slow beyond a few hundred: huggingface_hub's own uploader
# starts with as many.
FILES_PER_COMMIT = 250


@dataclass(frozen=True)
class Commits:
    """Makes commits to a dataset repository."""

    api: HfApi
    repo: str
    message: str
    operations: Callable[[str], list[Operation]]  # what makes a revision hold the version; data files come first

    def add(self, operations: list[Operation], branch: str, head: str) -> str:
        """Commit to a branch; return the commit's id.

        More operations than one commit should have reach `main` by the merge of a pull request, all at once; another
        branch gets several commits, of which the last has the card.
        """
        if len(operations) <= FILES_PER_COMMIT:
            return self._commit(operations, branch, head)
        if branch != "main":
            return self._several(operations, branch)
        say(f"{len(operations):,} files are too many for one commit: they are merged from a pull request", style="dim")
        number, _ = self._filled_request()
        self.api.change_discussion_status(self.repo, number, new_status="open", repo_type="dataset")
        self._merge(number)
        merged = str(self.api.repo_info(self.repo, repo_type="dataset", revision="main").sha)
        # Others may have committed since the pull request was opened; what differs now is little.
        return self.add(left, branch, merged) if (left := self.operations(merged)) else merged

    def propose(self, operations: list[Operation], head: str) -> tuple[str, str]:
        """Open a pull request; return the id of its last commit and its address."""
        if len(operations) > FILES_PER_COMMIT:
            number, commit = self._filled_request()
            self.api.change_discussion_status(self.repo, number, new_status="open", repo_type="dataset")
            return commit, f"{self.api.endpoint}/datasets/{self.repo}/discussions/{number}"
        made = self.api.create_commit(
            self.repo,
            operations,
            repo_type="dataset",
            revision="main",
            parent_commit=head,
            commit_message=self.message,
            create_pr=True,
        )
        return str(made.oid), str(made.pr_url)

    def _commit(self, operations: list[Operation], branch: str, head: str | None = None) -> str:
        made = self.api.create_commit(
            self.repo,
            operations,
            repo_type="dataset",
            revision=branch,
            parent_commit=head,
            commit_message=self.message,
        )
        return str(made.oid)

    def _several(self, operations: list[Operation], branch: str) -> str:
        commit = ""
        for part in _parts(operations):
            commit = self._commit(part, branch)
        return commit

    def _filled_request(self) -> tuple[int, str]:
        """Return a draft of a pull request with all files, and its last commit.

        The draft of an interrupted push is continued, if it is one's own: what others proposed is never merged.
        """
        me = self.api.whoami(cache=True)["name"]
        drafts = self.api.get_repo_discussions(
            self.repo, author=me, discussion_type="pull_request", discussion_status="all", repo_type="dataset"
        )
        number = next(
            (each.num for each in drafts if (each.title, each.author, each.status) == (self.message, me, "draft")), None
        )
        if number is None:
            number = self.api.create_pull_request(self.repo, title=self.message, repo_type="dataset").num
        place = f"refs/pr/{number}"
        if operations := self.operations(place):
            return number, self._several(operations, place)
        return number, str(self.api.repo_info(self.repo, repo_type="dataset", revision=place).sha)

    def _merge(self, number: int) -> None:
        from huggingface_hub.errors import HfHubHTTPError

        try:
            self.api.merge_pull_request(self.repo, number, repo_type="dataset")
        except HfHubHTTPError as error:
            if 400 <= error.response.status_code < 500 and error.response.status_code not in (408, 429):
                # It conflicts with what others committed: the next attempt opens another one.
                self.api.change_discussion_status(self.repo, number, new_status="closed", repo_type="dataset")
            raise


def _parts(operations: list[Operation]) -> Iterator[list[Operation]]:
    """Divide operations into commits of at most `FILES_PER_COMMIT` files."""
    for start in range(0, len(operations), FILES_PER_COMMIT):
        yield operations[start : start + FILES_PER_COMMIT]
