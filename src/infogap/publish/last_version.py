"""Find the last version of a dataset: the highest release of a Hub repository, or the one in a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from infogap.errors import InputError
from infogap.publish.made_from import FILE_NAME
from infogap.publish.published_dataset import PublishedDataset
from infogap.publish.version_rules import Version, last_release

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class LastVersion:
    """A last version; `dataset` is None if infogap did not make it, so that nothing can be compared."""

    version: Version
    dataset: PublishedDataset | None


@contextmanager
def last_on_hub(api: HfApi, repo: str, own: PublishedDataset) -> Iterator[LastVersion | None]:
    """Yield the highest release of a repository in a temporary folder, or None if no release or repository exists.

    Files that `own` also has are not downloaded.
    """
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        tags = [tag.name for tag in api.list_repo_refs(repo, repo_type="dataset").tags]
    except RepositoryNotFoundError:
        tags = []
    version = last_release(tags)
    if version is None:
        yield None
        return
    with TemporaryDirectory(prefix="infogap-last-") as folder:
        yield LastVersion(version, fetch_version(api, repo, f"v{version}", own, Path(folder)))


def fetch_version(api: HfApi, repo: str, tag: str, own: PublishedDataset, folder: Path) -> PublishedDataset | None:
    """Fetch a version into a folder, taking files from `own` where it has them; None if infogap did not make it."""
    from huggingface_hub.errors import EntryNotFoundError

    try:
        api.hf_hub_download(repo, FILE_NAME, repo_type="dataset", revision=tag, local_dir=folder)
    except EntryNotFoundError:
        return None
    try:
        there = PublishedDataset(folder)
    except InputError:
        return None
    mine = {sha256: own.folder / path for path, sha256 in own.sha256.items()}
    for path, sha256 in there.sha256.items():
        if sha256 in mine:
            copy_or_link(mine[sha256], folder / path)
        else:
            api.hf_hub_download(repo, path, repo_type="dataset", revision=tag, local_dir=folder)
    return there


def last_in_folder(folder: Path) -> LastVersion | None:
    """Return the version that a folder holds; None if the folder is empty or missing.

    Raises InputError if it holds anything else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    if not (folder / FILE_NAME).is_file():
        raise InputError(f"{folder} is not empty and holds no dataset that infogap made: name another folder with --to")
    dataset = PublishedDataset(folder)
    version = Version.parse(dataset.version)
    if version is None:
        raise InputError(f"{folder / FILE_NAME}: '{dataset.version}' is not a version X.Y.Z")
    return LastVersion(version, dataset)


def copy_or_link(source: Path, target: Path) -> None:
    """Hard-link a file to another place, or copy it where the file system does not support links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
