"""Extensions of other packages: found by their entry points, whatever is wrong with them said in one line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infogap import plugins
from infogap.errors import InputError

Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs a package of one module, `name`, whose entry points are given; removed after the test."""

    def installed(name: str, groups: str) -> None:
        metadata = tmp_path / f"{name}-1.2.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        (metadata / "entry_points.txt").write_text(groups)
        (tmp_path / f"{name}.py").write_text("ten = 10\n" if "broken" not in name else "import no_such_library\n")
        plugins._registered.cache_clear()

    monkeypatch.syspath_prepend(str(tmp_path))
    yield installed
    plugins._registered.cache_clear()
    for name in ("stranger", "another", "broken"):
        sys.modules.pop(name, None)


def test_an_object_of_another_package_is_loaded_by_its_name(install: Install) -> None:
    install("stranger", "[infogap.measures]\nten = stranger:ten\n")
    assert "ten" in plugins.names("measures")
    assert plugins.load("measures", "ten") == 10
    assert plugins.provider("measures", "ten") == ("stranger", "1.2")
    assert "ten" not in plugins.names("formats")


def test_a_name_that_nobody_registers_is_an_error_that_names_those_that_are(install: Install) -> None:
    install("stranger", "[infogap.measures]\nlength = stranger:ten\n")
    with pytest.raises(InputError, match=r"no 'lenght' among the measures.*did you mean 'length'"):
        plugins.load("measures", "lenght")


def test_two_packages_cannot_have_one_name(install: Install) -> None:
    install("stranger", "[infogap.measures]\nten = stranger:ten\n")
    install("another", "[infogap.measures]\nten = another:ten\n")
    with pytest.raises(InputError, match=r"package stranger .*package another|package another .*package stranger"):
        plugins.names("measures")


def test_what_cannot_be_imported_says_whose_it_is(install: Install) -> None:
    install("broken", "[infogap.measures]\nten = broken:ten\n")
    with pytest.raises(InputError, match=r"'ten' of the package broken cannot be loaded.*no_such_library"):
        plugins.load("measures", "ten")
