"""Files are whole or absent."""

from pathlib import Path

import polars as pl
import pytest

from infogap.atomic_files import whole_file, whole_folder, write_text
from infogap.errors import ExternalError


def test_a_failed_write_leaves_the_old_file_and_no_leftovers(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    write_text(file, "old")
    with pytest.raises(RuntimeError), whole_file(file) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    with whole_folder(folder) as temporary:
        (temporary / "a").write_text("1")
    with pytest.raises(RuntimeError), whole_folder(folder) as temporary:
        (temporary / "b").write_text("2")
        raise RuntimeError
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_replaces_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    for name in ("a", "b"):
        with whole_folder(folder) as temporary:
            (temporary / name).write_text(name)
    assert [path.name for path in folder.iterdir()] == ["b"]


def test_a_folder_that_cannot_take_the_old_one_s_place_leaves_it(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    with whole_folder(folder) as temporary:
        (temporary / "a").write_text("1")
    with pytest.raises(ExternalError, match="cannot write"), whole_folder(folder) as temporary:
        temporary.rmdir()  # the second of the two renames fails
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_path_below_a_file_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExternalError, match="cannot write"):
        write_text(tmp_path / "file" / "below", "text")


def test_a_full_disk_is_one_clear_line() -> None:
    with (
        pytest.raises(ExternalError, match=r"cannot write .*No space left on device"),
        Path("/dev/full").open("wb") as full,
    ):
        try:
            full.write(b"x" * 100_000)
            full.flush()
        except OSError as error:
            from infogap.atomic_files import disk_error

            raise disk_error(Path("part-00000.parquet"), error) from error


def test_a_disk_that_is_full_when_a_table_is_written_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "part-00000.parquet"
    with (
        pytest.raises(ExternalError, match=r"cannot write .*part-00000.parquet: No space left on device;"),
        whole_file(file) as temporary,
    ):
        temporary.symlink_to("/dev/full")
        pl.DataFrame({"a": [1]}).write_parquet(temporary)
    assert list(tmp_path.iterdir()) == []
