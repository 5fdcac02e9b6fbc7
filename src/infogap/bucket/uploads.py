"""Upload what has changed in a working copy, so that the bucket never holds a finished stage that is not whole.

The bucket cannot replace several objects at once. What describes the files of a folder, such as its manifest, is
therefore deleted first and written last: whoever fetches the run in between finds a stage that is not finished, and
responses whose plan is missing, which are then looked up by their requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infogap.bucket.file_states import FileState, FileStates, names_in, size_and_time
from infogap.bucket.object_store import ObjectStore
from infogap.errors import ExternalError
from infogap.ids import file_digest

_AT_ONCE = 8  # requests
_IN_MEMORY = 64 << 20  # bytes: a larger file is read twice, for its digest and to be sent
_DATASET = "dataset.manifest.json"  # which describes the folder dataset, and stands beside it


def upload(store: ObjectStore, states: FileStates, check: Callable[[], None]) -> int:
    """Make the bucket's objects the files of the working copy; return how many were uploaded.

    `check` is called before anything is written, and raises unless this copy may still write. Files may change
    meanwhile: what is new is uploaded by the next call. Raises ExternalError if the server fails.
    """
    names = names_in(states.folder)
    changed = [name for name in names if not states.unchanged(name)]
    gone = sorted(states.files.keys() - set(names))
    if not changed and not gone:
        return 0
    check()
    try:
        _delete(store, states, _misleading(states, changed, gone))
        _upload(store, states, [name for name in changed if not is_head(name)])
        # A file that appears and one that it replaces may have been listed at different times.
        if set(names_in(states.folder)) <= set(names):
            _delete(store, states, [name for name in gone if not (states.folder / name).is_file()])
        heads = [name for name in names if is_head(name) and not states.unchanged(name)]  # also those just deleted
        _upload(store, states, sorted(heads, key=_is_manifest))
        _check_sizes(store, states, changed)
    finally:
        states.write()
    return len(changed)


def is_head(name: str) -> bool:
    """Whether a file describes the others of its folder: a manifest, the plan of the traces, settings."""
    return name.endswith(".json")


def _is_manifest(name: str) -> tuple[bool, str]:
    return name.rpartition("/")[2] in ("manifest.json", _DATASET), name


def _folder(name: str) -> str:
    return "dataset" if name == _DATASET else name.partition("/")[0]


def _misleading(states: FileStates, changed: list[str], gone: list[str]) -> list[str]:
    """Return the heads in the bucket that will not describe their folder while it is written.

    Journals are only ever extended, or become parts: their folder's heads stay.
    """
    written = [name for name in [*changed, *gone] if name in states.files and not name.endswith(".jsonl")]
    folders = {_folder(name) for name in written}
    described = [name for name in states.files if "/" in name or name == _DATASET]
    return [name for name in described if is_head(name) and _folder(name) in folders]


def _upload(store: ObjectStore, states: FileStates, names: Iterable[str]) -> None:
    """Upload files, several at once; those that describe others come one after another, in the order given."""
    listed = list(names)
    pool = ThreadPoolExecutor(1 if any(map(is_head, listed)) else _AT_ONCE)
    try:
        for each in [pool.submit(_upload_one, store, states, name) for name in listed]:
            each.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _upload_one(store: ObjectStore, states: FileStates, name: str) -> None:
    """Upload a file, and note it. One that changes or goes meanwhile stays noted: the next call replaces its object."""
    path = states.folder / name
    before = size_and_time(path)
    try:
        content: bytes | Path = path if before is not None and before[0] > _IN_MEMORY else path.read_bytes()
        digest = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else file_digest(path)
    except FileNotFoundError:  # the stage that is running has removed it
        return
    known = states.files.get(name)
    tag = known.tag if known is not None and known.digest == digest else store.upload(name, content, digest)
    if before is not None and size_and_time(path) == before:
        states.files[name] = FileState(*before, digest, tag)
    elif (about := store.about(name)) is not None:
        states.files[name] = FileState.of_object(about.size, about.tag)


def _delete(store: ObjectStore, states: FileStates, names: list[str]) -> None:
    store.delete(names)
    for name in names:
        states.files.pop(name, None)


def _check_sizes(store: ObjectStore, states: FileStates, names: list[str]) -> None:
    """Raise ExternalError unless the bucket lists what was uploaded, with its size and tag."""
    there = store.objects()
    for name in names:
        state = states.files.get(name)
        found = there.get(name)
        if state is not None and (found is None or (found.size, found.tag) != (state.size, state.tag)):
            del states.files[name]
            if found is not None:
                states.files[name] = FileState.of_object(found.size, found.tag)
            raise ExternalError(
                f"{store.address}: {name} is not in the bucket as it was uploaded; does another program write there? "
                "Run the same command again"
            )
