"""The ladder as people read it: docs/privileges.md and `infogap privileges`."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from cli.in_process import infogap
from infogap.privileges.ladder import ladder

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("privileges_page", DOCS / "privileges.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_code_gives(script: ModuleType) -> None:
    """Out of date? `python docs/privileges.py` writes it anew."""
    page = (DOCS / "privileges.md").read_text(encoding="utf-8")
    assert page == script.page()
    assert re.findall(r"^## (\w+)", page, re.MULTILINE) == [privilege.name for privilege in ladder()]


def test_the_list_fits_a_terminal_of_100_columns(tmp_path: Path) -> None:
    lines = infogap("privileges", cwd=tmp_path, columns=100).stdout.splitlines()
    assert max(map(len, lines)) <= 100
    for privilege in ladder():
        (line,) = [line for line in lines if line.split()[:1] == [privilege.name]]
        assert f" {privilege.richness:g}  {privilege.shows} " in line
