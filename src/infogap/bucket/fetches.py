"""Fetch what a bucket has into a working copy, without losing what the copy has and the bucket does not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infogap.atomic_files import disk_error, whole_file
from infogap.bucket.bucket_lock import NAME, PROBE
from infogap.bucket.file_states import FileState, FileStates, names_in
from infogap.bucket.object_store import DamagedError, ObjectStore, StoredObject
from infogap.bucket.uploads import is_head
from infogap.console import say
from infogap.ids import file_digest

_AT_ONCE = 8  # requests
_LOCAL = (NAME, PROBE)


def fetch(store: ObjectStore, states: FileStates, *, ahead: bool) -> int:
    """Make the working copy what the bucket has, and return how many files were fetched.

    If the copy is `ahead`, as it alone has written to the bucket since it last fetched, it stays as it is. If the
    bucket is as this copy left it, only files that the copy has lost are fetched. Otherwise files of the copy that the
    bucket never had are moved aside, into a folder beside the copy. An object that is not as it was uploaded is left
    out, and said.

    Raises ExternalError if the server or the disk fails.
    """
    there = {name: about for name, about in store.objects().items() if not name.startswith(_LOCAL)}
    if ahead:
        return 0
    if _is_as_left(there, states):  # a cleaner of caches, say, has removed some
        return _download_all(store, states, [name for name in there if not (states.folder / name).is_file()])
    here = set(names_in(states.folder))
    _set_aside(store, states, sorted(name for name in here if not states.unchanged(name)), there)
    outdated = sorted(name for name in states.files if name not in there or not _is_same(name, there[name], states))
    wanted = [name for name in there if not _is_same(name, there[name], states)]
    for name in sorted(outdated, key=is_head, reverse=True):  # heads first: see `uploads`
        (states.folder / name).unlink(missing_ok=True)
        del states.files[name]
    return _download_all(store, states, wanted)


def _is_as_left(there: dict[str, StoredObject], states: FileStates) -> bool:
    return {name: (about.size, about.tag) for name, about in there.items()} == {
        name: (state.size, state.tag) for name, state in states.files.items()
    }


def _is_same(name: str, about: StoredObject, states: FileStates) -> bool:
    """Whether the copy has the object's content: as it was fetched or uploaded, with the same tag."""
    known = states.files.get(name)
    return known is not None and known.tag == about.tag and states.unchanged(name)


def _set_aside(store: ObjectStore, states: FileStates, names: list[str], there: dict[str, StoredObject]) -> None:
    """Move files aside that the bucket does not have; those that it has under another tag are noted as fetched."""
    moved = 0
    folder = _free_folder(states.folder)
    for name in names:
        path = states.folder / name
        if name in there and store.digest(name) == (digest := file_digest(path)):
            states.note(name, digest, there[name].tag)
            continue
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            path.rename(folder / name)
        except OSError as error:
            raise disk_error(folder / name, error) from error
        moved += 1
    if moved:
        files, are = ("files", "are") if moved > 1 else ("file", "is")
        say(
            f"{store.address} was continued elsewhere: {moved:,} {files} that this machine had not uploaded {are} now "
            f"in {folder}",
            style="yellow",
        )


def _free_folder(copy: Path) -> Path:
    number = 1
    while (folder := copy.with_name(f"{copy.name}.aside-{number}")).exists():
        number += 1
    return folder


def _download_all(store: ObjectStore, states: FileStates, names: list[str]) -> int:
    try:
        return sum(
            _download(store, states, [name for name in sorted(names) if is_head(name) is head])
            for head in (False, True)
        )
    finally:
        states.write()


def _download(store: ObjectStore, states: FileStates, names: list[str]) -> int:
    """Fetch objects, several at once; return how many were as they had been uploaded."""

    def one(name: str) -> str | None:
        try:
            with whole_file(states.folder / name) as temporary:
                digest, tag = store.download(name, temporary)
        except DamagedError as error:
            return f"{store.address}/{name} is left out: {error}"
        states.note(name, digest, tag)
        return None

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        problems = [problem for problem in pool.map(one, names) if problem is not None]
    for problem in problems:
        say(problem, style="yellow")
    return len(names) - len(problems)


def compare(store: ObjectStore, states: FileStates) -> None:
    """Correct what is noted of a bucket that this copy wrote last: it was perhaps killed before it noted something.

    What the bucket lacks, or has under another tag, is then uploaded again, and what only the bucket has is deleted.
    """
    there = {name: about for name, about in store.objects().items() if not name.startswith(_LOCAL)}
    for name in [name for name in states.files if name not in there]:
        del states.files[name]
    for name, about in there.items():
        known = states.files.get(name)
        if known is None or known.tag != about.tag:
            states.files[name] = FileState.of_object(about.size, about.tag)
