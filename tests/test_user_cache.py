"""Values in the user's cache: any file may be damaged, or not writable, and the value is right all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infogap.measure import lexicon, lexicon_files
from infogap.user_cache import cache_folder, kept

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "infogap"


def the_file() -> Path:
    (path,) = (cache_folder() / "numbers").iterdir()
    return path


def never() -> Any:
    raise AssertionError("computed again")


def test_a_value_is_computed_once(folder: Path) -> None:
    assert kept("numbers", "of this", lambda: {"a": [1, 2.0, True, None]}) == {"a": [1, 2.0, True, None]}
    assert kept("numbers", "of this", never) == {"a": [1, 2.0, True, None]}
    assert kept("numbers", "of that", lambda: 2) == 2
    assert kept("others", "of this", lambda: 3) == 3


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"value": 5}', b'{"digest": "0", "value": 5}', b"\xff\x00"])
def test_a_damaged_file_is_replaced(damage: bytes) -> None:
    kept("numbers", "of this", lambda: 1)
    the_file().write_bytes(damage)
    assert kept("numbers", "of this", lambda: 1) == 1
    assert kept("numbers", "of this", never) == 1


def test_a_file_of_another_key_is_not_believed() -> None:
    kept("numbers", "of this", lambda: 1)
    written = the_file().read_bytes()
    the_file().unlink()
    kept("numbers", "of that", lambda: 2)
    the_file().write_bytes(written)
    assert kept("numbers", "of that", lambda: 2) == 2


def test_one_changed_byte_is_noticed() -> None:
    kept("numbers", "of this", lambda: [1234])
    the_file().write_bytes(the_file().read_bytes().replace(b"1234", b"1235"))
    assert kept("numbers", "of this", lambda: [1234]) == [1234]


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert kept("numbers", "of this", lambda: 1) == 1
    assert kept("numbers", "of this", lambda: 2) == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(value=VALUES)
def test_what_comes_back_is_what_was_computed(value: Any) -> None:
    key = repr(value)
    assert repr(kept("numbers", key, lambda: value)) == repr(value)
    assert repr(kept("numbers", key, lambda: value)) == repr(value)


def test_two_processes_can_write_the_same_value(folder: Path) -> None:
    code = "from infogap.user_cache import kept; print(sum(kept('numbers', n, lambda: n) for n in range(200)))"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[0] for process in both] == ["19900\n"] * 2
    assert not list(folder.rglob("*.tmp"))


def _forget_lexicons() -> None:
    lexicon._shipped.cache_clear()
    lexicon_files._shipped.cache_clear()


def test_a_lexicon_is_the_same_from_the_cache(folder: Path) -> None:
    _forget_lexicons()
    parsed = lexicon.load("infogap", Path)
    assert len(list((folder / "yaml").iterdir())) == 1
    _forget_lexicons()
    assert lexicon.load("infogap", Path) == parsed
