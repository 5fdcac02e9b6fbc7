"""Whenever an upload is cut off, the bucket never says that work is done which is not, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bucket.stored_files import files, objects, results, small_recipe
from infogap.api.run import Run
from infogap.bucket import bucket_lock
from infogap.bucket.addresses import STATE, working_copy
from infogap.bucket.file_states import FileStates
from infogap.bucket.object_store import ObjectStore
from infogap.bucket.stored_run import local_folder
from infogap.bucket.uploads import upload
from infogap.errors import ExternalError

TABLES = ("tasks", "traces", "verdicts", "measures", "duplicates", "mix", "dataset", "report")


class _CutOff(ObjectStore):
    """A store whose writes stop after some, as if the machine had been lost."""

    def __init__(self, address: str, writes: int) -> None:
        super().__init__(address)
        self.left = writes

    def _write(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise ExternalError("the machine is lost")

    def upload(self, name: str, content: bytes | Path, digest: str) -> str:
        self._write()
        return super().upload(name, content, digest)

    def delete(self, names: list[str]) -> None:
        for name in names:
            self._write()
            super().delete([name])


class _Meanwhile(ObjectStore):
    """A store during whose uploads a stage goes on writing."""

    def __init__(self, address: str, write: Callable[[str], None]) -> None:
        super().__init__(address)
        self._write = write

    def upload(self, name: str, content: bytes | Path, digest: str) -> str:
        tag = super().upload(name, content, digest)
        self._write(name)
        return tag


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The run of a recipe, and that of the recipe with other tasks and rules: files change, appear and disappear."""
    made = []
    for number, (traces, size) in enumerate(((40, 10), (22, 6))):
        folder = tmp_path_factory.mktemp(f"version{number}")
        run = Run.create(small_recipe(folder, traces), folder / "run", overrides=[f"balance.size={size}"])
        run.update(quiet=True)
        made.append(folder / "run")
    (made[0] / "traces" / "cache").mkdir()
    (made[0] / "traces" / "cache" / "old.parquet").write_bytes(b"a response that was paid for")
    return made


@pytest.mark.parametrize("writes", [*range(0, 42, 3), 1_000])
def test_a_stage_is_done_with_its_files_or_not_done(
    versions: list[Path], bucket: str, writes: int, machine: Callable[[str], None]
) -> None:
    address = f"s3://{bucket}/r"
    copy = working_copy(address)
    shutil.copytree(versions[0], copy)
    assert upload(ObjectStore(address), FileStates.read(copy, address), lambda: None) > 20
    state = (copy / STATE).read_bytes()
    shutil.rmtree(copy)
    shutil.copytree(versions[1], copy)
    (copy / STATE).write_bytes(state)
    cut_off = _CutOff(address, writes)
    with suppress(ExternalError):
        upload(cut_off, FileStates.read(copy, address), lambda: None)
    assert (cut_off.left < 0) == (writes < 42), cut_off.left
    machine("another")
    run = Run.open(address)
    for name in TABLES:
        made = run.folder.manifest(name)
        for file, entry in (made.files if made is not None else {}).items():
            assert _digest(run.path / file) == entry["sha256"], (name, file)
    # The copy that was cut off knows what is missing.
    machine("machine")
    upload(ObjectStore(address), FileStates.read(copy, address), lambda: None)
    assert objects(bucket, "r") == files(copy)


def _digest(path: Path) -> str:
    from infogap.ids import file_digest

    return file_digest(path)


def test_a_copy_that_was_killed_before_it_noted_anything(versions: list[Path], bucket: str) -> None:
    address = f"s3://{bucket}/r"
    copy = working_copy(address)
    shutil.copytree(versions[0], copy)
    with pytest.raises(ExternalError):
        upload(_CutOff(address, 12), FileStates.read(copy, address), lambda: None)
    noted = json.loads((copy / STATE).read_bytes())
    (copy / STATE).write_text(json.dumps(noted | {"files": {}}))  # as a kill leaves it
    left = bucket_lock.BucketLock(ObjectStore(address), noted["copy"])
    left.acquire()
    left.go_ahead()
    (copy / "report" / "index.html").unlink()
    with Run.open(address).folder.lock():
        pass
    assert objects(bucket, "r") == files(copy)
    assert "traces/part-00000.parquet" in files(copy)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("meanwhile", ["longer", "replaced", "removed"])
@pytest.mark.parametrize("afterwards", ["stays", "is removed"])
def test_a_file_that_changes_while_it_is_uploaded(bucket: str, known: bool, meanwhile: str, afterwards: str) -> None:
    address = f"s3://{bucket}/r"
    copy = working_copy(address)
    journal = copy / "traces" / "journal-00000.jsonl"
    journal.parent.mkdir(parents=True)
    if known:
        journal.write_text("an answer\n")
        upload(ObjectStore(address), FileStates.read(copy, address), lambda: None)
    journal.write_text("an answer\nanother\n")

    def write(_name: str) -> None:
        if meanwhile == "longer":
            journal.write_text("an answer\nanother\na third\n")
        elif meanwhile == "replaced":
            journal.write_text("an answer\nANOTHER\n")
        else:
            journal.unlink()

    upload(_Meanwhile(address, write), FileStates.read(copy, address), lambda: None)
    if afterwards == "is removed":
        journal.unlink(missing_ok=True)
    upload(ObjectStore(address), FileStates.read(copy, address), lambda: None)
    assert objects(bucket, "r") == files(copy)
    assert upload(ObjectStore(address), FileStates.read(copy, address), lambda: None) == 0


@pytest.mark.parametrize("in_memory", [0, 1 << 20])
def test_any_name_and_size(bucket: str, in_memory: int, monkeypatch: pytest.MonkeyPatch, machine: Any) -> None:
    monkeypatch.setattr("infogap.bucket.uploads._IN_MEMORY", in_memory)
    address = f"s3://{bucket}/some/r"
    copy = working_copy(address)
    names = [
        "a b.svg",
        "50%.json",
        "a#b?.txt",
        "x~y[0].parquet",
        "ü/ö.json",
        "plain",
        "c+d=e&f.md",
        "é*|<>.csv",
        "empty",
    ]
    for number, name in enumerate(names):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes(os.urandom(40_000_000 if name == "plain" else 10 * number if name != "empty" else 0))
    upload(ObjectStore(address), FileStates.read(copy, address), lambda: None)
    expected = files(copy)
    assert objects(bucket, "some/r") == expected
    machine("another")
    assert files(local_folder(address)) == expected


def test_a_failed_last_upload_is_told_and_repeated(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"s3://{bucket}/r"
    run = Run.create(small_recipe(tmp_path / "p"), address)

    def failing(*_: Any) -> str:
        raise ExternalError("the server is down")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "upload", failing)
        with pytest.raises(ExternalError, match="the server is down"):
            run.update(quiet=True)
    run.update(quiet=True)
    assert results(objects(bucket, "r")) == results(files(working_copy(address)))
