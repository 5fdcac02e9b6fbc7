"""A source's file is digested once in a process, and again whenever it may have changed."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from infogap import ids
from infogap.imports import STAGE as IMPORT
from infogap.recipe import load_recipe
from infogap.rows import source_digests
from infogap.rows.source_digests import source_file_digest
from infogap.runs.run_folder import Run
from infogap.tasks import STAGE as TASKS

LONG_AGO = 1_000_000_000 * 10**9


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read for their digest, one by one."""
    names: list[str] = []

    def counted(path: Path) -> str:
        names.append(path.name)
        return ids.file_digest(path)

    monkeypatch.setattr(source_digests, "file_digest", counted)
    return names


def written(path: Path, content: bytes, mtime_ns: int = LONG_AGO) -> Path:
    path.write_bytes(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_is_read_once(tmp_path: Path, read: list[str]) -> None:
    path = written(tmp_path / "a.jsonl", b"one")
    assert [source_file_digest(path) for _ in range(3)] == [sha256(b"one")] * 3
    assert read == ["a.jsonl"]


def test_another_time_or_size_or_file_is_read_again(tmp_path: Path, read: list[str]) -> None:
    path = written(tmp_path / "a.jsonl", b"one")
    source_file_digest(path)
    for content, mtime in ((b"two", LONG_AGO + 1), (b"longer", LONG_AGO + 1)):
        assert source_file_digest(written(path, content, mtime)) == sha256(content)
    written(tmp_path / "b.jsonl", b"others", LONG_AGO + 1).replace(path)
    assert source_file_digest(path) == sha256(b"others")
    assert len(read) == 4


def test_a_time_that_was_set_back_hides_no_change(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b"one")
    source_file_digest(path)
    time.sleep(0.05)  # more than a tick of the file system's clock
    assert source_file_digest(written(path, b"two")) == sha256(b"two")


def test_a_file_that_has_just_changed_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    for content in (b"one", b"two", b"six") * 50:  # perhaps within one tick
        path.write_bytes(content)
        assert source_file_digest(path) == sha256(content)


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "a.jsonl", b"one")

    def overtaken(path: Path) -> str:
        found = ids.file_digest(path)
        written(path, b"more")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(source_digests, "file_digest", overtaken)
        assert source_file_digest(path) == sha256(b"one")
    assert source_file_digest(path) == sha256(b"more")


RECIPE = """
name: small
import: [{from: traces.jsonl, columns: {question: question, answer: answer, trace: text}}]
"""


def test_the_stages_of_a_run_read_a_source_once(tmp_path: Path, read: list[str]) -> None:
    rows = b'{"question": "1 + 1?", "answer": "2", "text": "2"}\n'
    written(tmp_path / "traces.jsonl", rows)
    (tmp_path / "r.yaml").write_text(RECIPE)
    run = Run.create(load_recipe(tmp_path / "r.yaml"), tmp_path / "run")
    for times in (1, 2):
        parts = [stage.part(run) for stage in (TASKS, IMPORT, IMPORT)]
        assert {next(iter(part.values()))["sha256"] for part in parts} == {sha256(rows * times)}
        assert read == ["traces.jsonl"] * times
        written(tmp_path / "traces.jsonl", rows * 2)
