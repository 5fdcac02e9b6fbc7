"""Objects of a user's own modules: beside the recipe, in a package there, importing one another."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infogap.errors import InputError
from infogap.user_objects import load_object


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """Forgets what a test imports."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_module_in_the_folder_may_import_others_that_lie_there(tmp_path: Path) -> None:
    (tmp_path / "numbers_of_mine.py").write_text("TEN = 10\n")
    (tmp_path / "mine.py").write_text("from numbers_of_mine import TEN\n\nTWENTY = 2 * TEN\n")
    assert load_object("mine:TWENTY", tmp_path) == 20
    assert str(tmp_path) not in sys.path
    assert not list(tmp_path.glob("**/__pycache__"))


def test_a_module_in_a_package_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "package_of_mine").mkdir()
    (tmp_path / "package_of_mine" / "numbers.py").write_text("TEN = 10\n")
    assert load_object("package_of_mine.numbers:TEN", tmp_path) == 10


def test_an_installed_module(tmp_path: Path) -> None:
    assert load_object("math:pi", tmp_path) == pytest.approx(3.14159, abs=1e-5)


def test_a_module_is_executed_once_and_again_after_a_change(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("class Thing: pass\n\nTHING = Thing()\n")
    first = load_object("mine:THING", tmp_path)
    assert load_object("mine:THING", tmp_path) is first
    (tmp_path / "mine.py").write_text("THING = 2\n")
    assert load_object("mine:THING", tmp_path) == 2


def test_a_module_that_ends_the_process_is_an_error_like_others(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(InputError, match="importing 'mine' fails: SystemExit"):
        load_object("mine:THING", tmp_path)
    with pytest.raises(InputError, match=r"there is no module 'absent\.inner'"):
        load_object("absent.inner:THING", tmp_path)
