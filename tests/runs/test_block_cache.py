"""What was computed from a block is found again, and nothing that is damaged or was computed under other settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.console import speaking
from infogap.runs.block_cache import WORTH_KEEPING
from infogap.runs.block_cache import block_cache as opened

TABLE = pl.DataFrame({"size": list(range(300))})


def keep(folder: Path, *blocks: str, settings: Any = 1) -> None:
    with opened(folder, settings) as cache:
        for block in blocks:
            cache.put(block, TABLE, {"name": block})


def kept(folder: Path, *blocks: str, settings: Any = 1) -> list[str]:
    """Of some blocks, the facts of those that are found."""
    with opened(folder, settings) as cache:
        found = [cache.get(block) for block in blocks]
    assert all(each[0].equals(TABLE) for each in found if each is not None)
    return [each[1]["name"] for each in found if each is not None]


def test_blocks_are_found_under_the_same_settings_alone(tmp_path: Path) -> None:
    keep(tmp_path, "a", "b")
    assert kept(tmp_path, "a", "c", "b") == ["a", "b"]
    assert kept(tmp_path, "a", "b", settings=2) == []


def test_blocks_that_are_not_used_any_more_are_removed(tmp_path: Path) -> None:
    keep(tmp_path, "a", "b")
    with opened(tmp_path, 1) as cache:
        assert cache.get("b") is not None
    assert kept(tmp_path, "a", "b") == ["b"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.parquet", "index.json"]


def test_small_blocks_leave_no_files(tmp_path: Path) -> None:
    with opened(tmp_path / "cache", 1) as cache:
        cache.put("a", TABLE[: WORTH_KEEPING - 1])
    assert not (tmp_path / "cache").exists()


def test_a_failed_stage_keeps_the_former_index(tmp_path: Path) -> None:
    keep(tmp_path, "a")
    with pytest.raises(KeyboardInterrupt), opened(tmp_path, 1):
        raise KeyboardInterrupt
    assert kept(tmp_path, "a") == ["a"]


@pytest.mark.parametrize("damage", ["table", "other table", "cut index", "edited index"])
def test_damage_is_said_and_nothing_of_it_is_used(
    tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(tmp_path, "a", "b")
    table, index = tmp_path / "a.parquet", tmp_path / "index.json"
    if damage == "table":
        table.write_bytes(table.read_bytes()[:-9] + b"123456789")
    elif damage == "other table":
        TABLE[:250].write_parquet(table)
    elif damage == "cut index":
        index.write_bytes(index.read_bytes()[:-9])
    else:
        index.write_text(index.read_text().replace('"name":"b"', '"name":"c"'))
    with speaking(quiet=False):
        assert kept(tmp_path, "a", "b") == (["b"] if "table" in damage else [])
    said = " ".join(capsys.readouterr().err.split())
    assert ("1 file was damaged" if "table" in damage else "index.json was damaged") in said


def test_a_missing_file_is_computed_again(tmp_path: Path) -> None:
    keep(tmp_path, "a", "b")
    (tmp_path / "a.parquet").unlink()
    assert kept(tmp_path, "a", "b") == ["b"]
