"""A published version, back from the Hub: its files, and the recipe that made it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from ruamel.yaml import YAML

from infogap.atomic import write_text
from infogap.errors import UserError
from infogap.publish.hub_access import clear_errors, hub_client, retried, upload_bars
from infogap.publish.provenance import FILE_NAME

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def pull(repo: str, version: str | None, folder: Path) -> Path:
    """Download a dataset (of a version, or the newest) into `folder`; writes its recipe into it too, as recipe.yaml.

    Returns the recipe's path. Raises UserError where there is no such dataset or version, or where infogap did
    not make it; WorldError where the Hub does not answer.
    """
    revision = "main" if version is None else f"v{version.removeprefix('v')}"
    api = hub_client()
    with clear_errors(api.endpoint, repo, doing="pull"), upload_bars():
        retried(lambda: _download(api, repo, revision, folder))
    try:
        made = orjson.loads((folder / FILE_NAME).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise UserError(f"{repo} at {revision} was not made by infogap: it has no {FILE_NAME}") from None
    out = io.StringIO()
    YAML().dump(made["recipe"], out)
    write_text(folder / "recipe.yaml", out.getvalue())
    return folder / "recipe.yaml"


def _download(api: HfApi, repo: str, revision: str, folder: Path) -> None:
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        api.snapshot_download(repo, repo_type="dataset", revision=revision, local_dir=folder)
    except RevisionNotFoundError:
        raise UserError(f"{repo} has no version {revision} on {api.endpoint}") from None
    except RepositoryNotFoundError:
        raise UserError(f"there is no dataset {repo} on {api.endpoint} that you may read") from None
