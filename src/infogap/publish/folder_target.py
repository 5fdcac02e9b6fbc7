"""Publish to a folder: replace the last version there, and keep all other files."""

from __future__ import annotations

import shutil
from pathlib import Path

import orjson

from infogap.atomic_files import whole_folder
from infogap.console import say
from infogap.errors import InputError
from infogap.ids import file_digest
from infogap.publish.card_merge import LOCAL, address, changes_section, merge_cards, with_changes
from infogap.publish.dataset_changes import dataset_changes
from infogap.publish.hub_push import checked_data
from infogap.publish.last_version import copy_or_link, last_in_folder
from infogap.publish.made_from import FILE_NAME
from infogap.publish.published_dataset import PublishedDataset
from infogap.publish.version_rules import check_version
from infogap.runs.run_folder import Run

_CARD = "README.md"


def publish_to(run: Run, target: Path) -> bool:
    """Put the run's dataset into a folder; return False if the folder already has it with the same content.

    The rules are the same as on the Hub: a version is never changed, its number must be as high as the changes require,
    data files of the last version are removed, all other files stay, and the card is merged with the existing one. The
    folder is replaced whole or not at all.

    Raises InputError if the folder holds something else or the version is too low, ExternalError if writing fails.
    """
    folder = run.path / "dataset"
    _, leaks = checked_data(folder, run.recipe.publish.version, run)
    if leaks:
        say(f"published with their text: {leaks}", style="yellow")
    if target.resolve() == folder.resolve():
        raise InputError(f"{target} is the run's own dataset folder: name another folder with --to")
    ours, last = PublishedDataset(folder), last_in_folder(target)
    replaced: set[str] = set()
    section = ""
    if last is not None and last.dataset is not None:
        same_version = str(last.version) == ours.version
        if same_version and _is_there(ours, target):
            return False
        if same_version:
            raise InputError(
                f"{target} has version {last.version} with different content: raise publish.version, or use "
                "--version auto (a published version is never changed)"
            )
        changes = dataset_changes(last.dataset, ours)
        check_version(ours.version, last.version, changes.level, changes.why, f"in {target}")
        replaced = {*last.dataset.sha256, *last.dataset.figures}
        section = changes_section(last.version, changes)
    with whole_folder(target) as new:
        if target.is_dir():
            shutil.copytree(target, new, symlinks=True, dirs_exist_ok=True, copy_function=_linked)
        for path in replaced:
            (new / path).unlink(missing_ok=True)
        for path in (*ours.sha256, *ours.figures):
            (new / path).unlink(missing_ok=True)
            (new / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / path, new / path)  # not a link, so that editing one does not change the other
        _write(new / _CARD, _card(folder, target, run, section).encode())
        _write(new / FILE_NAME, (folder / FILE_NAME).read_bytes())
    return True


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # it may be a hard link to the last version's file
    path.write_bytes(content)


def _linked(source: str, target: str) -> None:
    copy_or_link(Path(source), Path(target))


def _card(folder: Path, target: Path, run: Run, section: str) -> str:
    card, repo = (folder / _CARD).read_text(encoding="utf-8"), run.recipe.publish.repo
    if repo is None:
        card = card.replace(LOCAL, target.resolve().name)
    else:
        card = address(card, repo, f"https://huggingface.co/datasets/{repo}", run.recipe.publish.version)
    card = with_changes(card, section)
    there = target / _CARD
    return merge_cards(card, there.read_text(encoding="utf-8", errors="replace")) if there.is_file() else card


def _is_there(ours: PublishedDataset, target: Path) -> bool:
    try:
        same = orjson.loads((target / FILE_NAME).read_bytes()) == ours.made
    except (OSError, orjson.JSONDecodeError):
        return False
    return same and all(
        (target / path).is_file() and file_digest(target / path) == sha256 for path, sha256 in ours.sha256.items()
    )
