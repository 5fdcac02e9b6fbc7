"""The records of batches on disk: names, damage, forgiveness, and what is lent to another run."""

from dataclasses import replace
from pathlib import Path

import pytest

from infogap.errors import ExternalError
from infogap.generate.batch_records import BatchFolder, BatchRecord, Failure, lend_records

PASSING, FINAL = Failure("error", "expired", final=False), Failure("too_long", "too long", final=True)


def begun(folder: BatchFolder, *ids: str, at: float = 0.0) -> BatchRecord:
    record = BatchRecord(folder.new_name(), "m", "openai", "http://a/v1", {}, "0" * 64, len(ids), 10, at)
    return folder.begin(record, ids)


def test_names_go_on_and_no_two_runs_share_one(tmp_path: Path) -> None:
    one, other = BatchFolder(tmp_path / "one"), BatchFolder(tmp_path / "other")
    names = [begun(folder, "a").name for folder in (one, one, other)]
    assert [name[-5:] for name in names] == ["00000", "00001", "00000"]
    assert len(set(names)) == 3
    assert [record.name for record in one.in_flight("m")] == names[:2]
    assert one.in_flight("another") == []


def test_files_of_a_batch_without_a_record_are_removed(tmp_path: Path) -> None:
    folder = BatchFolder(tmp_path)
    kept = begun(folder, "a")
    folder.input_path(kept.name).write_text("{}\n")
    name = folder.new_name()
    folder.input_path(name).write_text("{}\n")
    folder.ids_path(name).write_text("b\n")
    folder.drop_unrecorded()
    assert folder.input_path(kept.name).is_file()
    assert not folder.input_path(name).exists()
    assert folder.new_name() == name


def test_a_damaged_record_is_no_missing_one(tmp_path: Path) -> None:
    folder = BatchFolder(tmp_path)
    name = begun(folder, "a").name
    (folder.path / f"{name}.json").write_text('{"name": ')
    with pytest.raises(ExternalError, match=f"{name}.json is damaged .*paid for"):
        folder.records()


def test_forgiven_failures_do_not_count_and_are_no_answers(tmp_path: Path) -> None:
    folder = BatchFolder(tmp_path)
    record = folder.collected(begun(folder, "a", "b", "c"), {"a": PASSING, "b": FINAL})
    assert folder.failures(record.name) == {"a": PASSING, "b": FINAL}
    folder.forgive()
    folder.forgive()
    assert folder.failures(record.name) == {}
    assert folder.answered_ids(record) == {"c"}


def test_of_a_cancelled_batch_only_final_failures_count(tmp_path: Path) -> None:
    folder = BatchFolder(tmp_path)
    record = folder.collected(begun(folder, "a", "b", "c"), {"a": PASSING, "b": FINAL}, forgiven=True)
    assert folder.failures(record.name) == {"b": FINAL}
    assert folder.answered_ids(record) == {"c"}


def test_collected_batches_are_lent_with_what_they_answered(tmp_path: Path) -> None:
    one, other = BatchFolder(tmp_path / "one"), BatchFolder(tmp_path / "other")
    done = one.collected(begun(one, "a", "b"), {"a": PASSING})
    begun(one, "c")
    own = other.collected(begun(other, "d", at=1.0), {"d": PASSING})
    for _ in range(2):
        lend_records(tmp_path / "one", tmp_path / "other")
    assert [record.name for record in other.records()] == [done.name, own.name]
    assert other.answered_ids(replace(done)) == {"b"}
    assert other.failures(done.name) == {}
    assert other.failures(own.name) == {"d": PASSING}
