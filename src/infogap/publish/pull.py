"""Pull a published version from the Hub: its files, and a run from which the next version can be made."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from infogap.console import say
from infogap.errors import InputError
from infogap.publish.hub_client import clear_errors, hub_client, transfer_bars
from infogap.publish.hub_retries import retried
from infogap.publish.made_from import FILE_NAME
from infogap.publish.restore_run import changed_since_pulled, restore
from infogap.publish.version_rules import last_release
from infogap.recipe.publish_section import repository_problem, version_problem

if TYPE_CHECKING:
    from huggingface_hub import HfApi


DATASET = "dataset"
# Other files of a repository are left there: a module beside the data could be one that its recipe names, and be run.
_PULLED = (FILE_NAME, "README.md", "data/*/*.parquet")
_BEGUN = Path(DATASET, ".cache", "huggingface")  # huggingface_hub keeps this in a folder it downloads to


def pull(repo: str, version: str | None, folder: Path) -> Path:
    """Fetch a dataset's version (by default the newest) into a folder, which becomes a run; return the recipe's path.

    The files go to `dataset`, the recipe to recipe.yaml, and the tables up to the mix are rebuilt from the config
    `traces`; `infogap run` then makes the mix and the dataset anew. The newest version is the highest version tag or,
    without tags, the branch `main`. If the folder holds another version, its data files are replaced.

    Raises InputError if the dataset or version does not exist, infogap did not make it, or the folder holds something
    else; ExternalError if the Hub does not answer.
    """
    for problem in (repository_problem(repo), version_problem((version or "0.0.0").removeprefix("v"))):
        if problem:
            raise InputError(problem)
    _check_folder(folder)
    dataset = folder / DATASET
    before = _listed(dataset)
    api = hub_client()
    with clear_errors(api.endpoint, repo, doing="pull"), transfer_bars():
        revision = f"v{version.removeprefix('v')}" if version else retried(lambda: _newest(api, repo))
        retried(lambda: _download(api, repo, revision, dataset))
    if _made(dataset) is None:
        raise InputError(f"{repo} at {revision} was not made by infogap: it has no {FILE_NAME}")
    _remove_others(dataset, before, _listed(dataset))
    for note in restore(folder, repo, revision):
        say(note, style="yellow")
    return folder / "recipe.yaml"


def split_version(name: str) -> tuple[str, str | None]:
    """Split ORG/NAME@X.Y.Z into the repository and the version, which is None if not given."""
    repo, _, version = name.partition("@")
    return repo, version or None


def _check_folder(folder: Path) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    recipe = folder / "recipe.yaml"
    if recipe.is_file():
        changed = changed_since_pulled(folder)
        if changed is not None:
            raise InputError(f"{folder} {changed}: name another folder with --to")
        return
    if not (folder / _BEGUN).exists():
        raise InputError(f"{folder} is not empty and holds no pulled dataset: name another folder with --to")


def _made(folder: Path) -> dict[str, Any] | None:
    """Read a folder's infogap.json; return None if it is missing or was not written by infogap."""
    try:
        made: dict[str, Any] = orjson.loads((folder / FILE_NAME).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    is_ours = isinstance(made, dict) and isinstance(made.get("recipe"), dict) and isinstance(made.get("files"), dict)
    return made if is_ours else None


def _listed(folder: Path) -> set[str]:
    """Return the data files that a folder's infogap.json lists."""
    return set((_made(folder) or {}).get("files", {}))


def _remove_others(folder: Path, before: set[str], now: set[str]) -> None:
    """Remove data files of other versions, even partly downloaded ones, as readers find files by pattern."""
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
    release = last_release([tag.name for tag in tags])
    if release is None:
        say(f"{repo} has no tagged version X.Y.Z: fetching its branch main", style="yellow")
        return "main"
    newest = f"v{release}"
    say(f"the newest version of {repo} is {newest}", style="dim")
    return newest


def _no_dataset(api: HfApi, repo: str) -> InputError:
    return InputError(f"{api.endpoint} has no dataset {repo} that you may read")


def _download(api: HfApi, repo: str, revision: str, folder: Path) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        api.snapshot_download(
            repo, repo_type="dataset", revision=revision, local_dir=folder, allow_patterns=list(_PULLED)
        )
    except RevisionNotFoundError:
        raise InputError(f"{repo} has no version {revision} on {api.endpoint}") from None
    except RepositoryNotFoundError:
        raise _no_dataset(api, repo) from None
