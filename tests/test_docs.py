"""The code in the documentation runs as it stands, in the order in which a reader meets it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infogap import plugins
from infogap.privileges.ladder import ladder
from infogap.recipe.derive_section import Derivation

ROOT = Path(__file__).parents[1]


def code_of(page: Path) -> str:
    """The Python of a page or a notebook."""
    if page.suffix == ".ipynb":
        cells = json.loads(page.read_text())["cells"]
        return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return "\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))


@pytest.mark.parametrize("name", ["python.md", "first-dataset.ipynb"])
def test_the_code_runs(name: str, tmp_path: Path) -> None:
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    command = [sys.executable, "-c", code_of(ROOT / "docs" / name)]  # like a notebook, it has no main file
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


def test_every_page_is_in_the_sites_navigation() -> None:
    site = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert f" {page.name}\n" in site, page.name


def test_links_between_pages_lead_somewhere() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_site_reads_every_code_block() -> None:
    """It takes a fence whose first line has anything but a language and a title for text."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = re.sub(r"^````.*?^````$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for line in re.findall(r"^```.*$", text, re.MULTILINE):
            assert re.fullmatch(r"```(\w+( title=\"[^\"]+\")?)?", line), f"{page.name}: {line}"


def _listed(row: str) -> list[str]:
    """Return the names in a row of the README's table of what there is."""
    line = next(line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith(f"| {row}"))
    return re.findall(r"`([a-z_]+)`", line)


@pytest.mark.parametrize(
    ("row", "kind"),
    [("verifiers", "verifiers"), ("measures", "measures"), ("configs", "configs"), ("teachers", "backends")],
)
def test_the_readme_lists_all_that_is_registered(row: str, kind: plugins.Kind) -> None:
    assert sorted(_listed(row)) == sorted(plugins.names(kind))


def test_the_readme_lists_all_privileges_and_changes() -> None:
    known = [each.name for each in ladder()]
    by_richness, controls = _listed("privileges"), _listed("controls")
    assert sorted(by_richness + controls) == sorted(known)
    assert by_richness == [name for name in known if name not in controls]
    assert _listed("changes")[1:] == list(Derivation.model_fields)  # after the section's own name
