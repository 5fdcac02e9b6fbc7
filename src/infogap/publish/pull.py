"""Pull a published version from the Hub: its files, and the recipe that made it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from infogap.atomic_files import write_text
from infogap.console import say
from infogap.errors import InputError
from infogap.publish.hub_client import clear_errors, hub_client, retried, upload_bars
from infogap.publish.provenance import FILE_NAME
from infogap.recipe import yaml_text

if TYPE_CHECKING:
    from huggingface_hub import HfApi


_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_BEGUN = Path(".cache", "huggingface")  # what huggingface_hub keeps in a folder that it downloads to


def pull(repo: str, version: str | None, folder: Path) -> Path:
    """Download a version of a dataset (by default the newest) into `folder`, and write its recipe there as recipe.yaml.

    The newest is the highest version tag or, without tags, the branch `main`. A folder that holds another version
    becomes this one: data files that do not belong to it are removed.

    Returns the recipe's path. Raises InputError if there is no such dataset or version, infogap did not make it, or the
    folder holds something else; ExternalError if the Hub does not answer.
    """
    _check_folder(folder)
    before = _listed(folder)
    api = hub_client()
    with clear_errors(api.endpoint, repo, doing="pull"), upload_bars():
        revision = f"v{version.removeprefix('v')}" if version else retried(lambda: _newest(api, repo))
        retried(lambda: _download(api, repo, revision, folder))
    made = _made(folder)
    if made is None:
        raise InputError(f"{repo} at {revision} was not made by infogap: it has no {FILE_NAME}")
    _remove_others(folder, before, _listed(folder))
    write_text(folder / "recipe.yaml", yaml_text(made["recipe"]))
    return folder / "recipe.yaml"


def _check_folder(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()) and not any((folder / mark).exists() for mark in (FILE_NAME, _BEGUN)):
        raise InputError(f"{folder} is not empty and holds no dataset that infogap made: name another with --to")


def _made(folder: Path) -> dict[str, Any] | None:
    """Read a folder's infogap.json; None if there is none."""
    try:
        made: dict[str, Any] = orjson.loads((folder / FILE_NAME).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return made


def _listed(folder: Path) -> set[str]:
    """Return the data files that a folder's infogap.json lists."""
    return set((_made(folder) or {}).get("files", {}))


def _remove_others(folder: Path, before: set[str], now: set[str]) -> None:
    """Remove data files of other versions, interrupted downloads included: readers match files by pattern."""
    configs = {path.split("/")[1] for path in now | before if _is_data(path)}
    there = {
        path.relative_to(folder).as_posix() for config in configs for path in folder.glob(f"data/{config}/*-*.parquet")
    }
    for path in sorted((before | there) - now):
        if _is_data(path):
            (folder / path).unlink(missing_ok=True)


def _is_data(path: str) -> bool:
    return re.fullmatch(r"data/[\w-]+/[\w-]+\.parquet", path) is not None


def _newest(api: HfApi, repo: str) -> str:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        tags = api.list_repo_refs(repo, repo_type="dataset").tags
    except RepositoryNotFoundError:
        raise _no_dataset(api, repo) from None
    versions = [match for tag in tags if (match := _VERSION.fullmatch(tag.name))]
    if not versions:
        say(f"{repo} has no tagged version X.Y.Z: fetching its branch main", style="yellow")
        return "main"
    newest = max(versions, key=lambda match: tuple(map(int, match.groups()))).group()
    say(f"the newest version of {repo} is {newest}", style="dim")
    return newest


def _no_dataset(api: HfApi, repo: str) -> InputError:
    return InputError(f"there is no dataset {repo} on {api.endpoint} that you may read")


def _download(api: HfApi, repo: str, revision: str, folder: Path) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        api.snapshot_download(repo, repo_type="dataset", revision=revision, local_dir=folder)
    except RevisionNotFoundError:
        raise InputError(f"{repo} has no version {revision} on {api.endpoint}") from None
    except RepositoryNotFoundError:
        raise _no_dataset(api, repo) from None
