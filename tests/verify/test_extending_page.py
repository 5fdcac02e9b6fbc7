"""The verifier and the file format of docs/extending.md: installed as the package that they are, and used."""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from infogap import plugins
from infogap.api.check_recipe import checked
from infogap.errors import InputError
from infogap.imports import STAGE as IMPORT
from infogap.recipe.named_formats import format_names, load_format
from infogap.rows.format_recognition import recognise
from infogap.rows.recipe_from_file import first_recipe
from infogap.runs.run_folder import Run
from infogap.schema import VERDICTS
from infogap.tasks import STAGE as TASKS
from infogap.verify import STAGE as VERIFY
from infogap.verify.verifiers import verifier
from tasks.small_recipes import import_run, write_jsonl

_PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
_SECTIONS = ("A verifier", "A file format")


def _files(page: str) -> dict[str, str]:
    """The files of the two sections, by name; blocks with one name are one file."""
    files: dict[str, str] = {}
    for section in re.split(r"^## ", page, flags=re.MULTILINE):
        if section.startswith(_SECTIONS):
            for name, text in re.findall(r'```\w+ title="([^"]+)"\n(.*?)```', section, re.DOTALL):
                files[name] = files.get(name, "") + text
    return files


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The documented package, installed in a folder of its own until the test ends."""
    site = tmp_path / "site"
    files = _files(_PAGE.read_text(encoding="utf-8"))
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    for name, text in files.items():
        assert len(text.splitlines()) <= 25
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    metadata = site / f"infogap_anagrams-{project['version']}.dist-info"
    metadata.mkdir()
    fields = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(fields)
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups))
    monkeypatch.syspath_prepend(str(site))
    plugins._registered.cache_clear()
    yield site
    plugins._registered.cache_clear()
    plugins._loaded.cache_clear()
    load_format.cache_clear()
    sys.modules.pop("infogap_anagrams", None)


def _puzzles(folder: Path) -> None:
    replies = {"listen": r"It is \boxed{Tinsel}.", "heart": r"It is \boxed{three}.", "x2": r"\boxed{x2}"}
    rows = [
        {"letters": word[::-1], "word": word, "reply": {"text": text, "model": "m"}} for word, text in replies.items()
    ]
    write_jsonl(folder / "puzzles.jsonl", rows)


@pytest.mark.parametrize("in_worker", [False, True])
def test_an_import_uses_both(package: Path, tmp_path: Path, in_worker: bool) -> None:
    if in_worker:
        file = package / "infogap_anagrams" / "__init__.py"
        file.write_text(file.read_text().replace("needs_worker = False", "needs_worker = True"))
    _puzzles(tmp_path)
    run = import_run(tmp_path, "  - {from: puzzles.jsonl, format: anagrams}")
    assert checked(tmp_path / "recipe.yaml").recipe.table_sources[0].verifier == "anagram"
    rejected = TASKS.make(run).notes
    assert any("1 of 3 rows rejected (the answer is not a word: 1)" in note for note in rejected)
    IMPORT.make(run)
    VERIFY.make(run)
    verdicts = pl.concat(run.parts(VERDICTS)).sort("verdict").select("verdict", "extracted_answer").rows()
    assert verdicts == [("correct", "Tinsel"), ("wrong", "three")]


def test_its_version_is_in_the_fingerprints(package: Path, tmp_path: Path) -> None:
    _puzzles(tmp_path)
    run = import_run(tmp_path, "  - {from: puzzles.jsonl, format: anagrams}")
    assert VERIFY.part(run)["verifiers"] == {"anagram": ["infogap-anagrams", "1.0"]}
    assert TASKS.part(run)["import[0]"]["verifiers"] == {"anagram": ["infogap-anagrams", "1.0"]}
    own = import_run(tmp_path, "  - {from: puzzles.jsonl, format: anagrams, verifier: exact}")
    assert "verifiers" not in VERIFY.part(own) and "verifiers" not in TASKS.part(own)["import[0]"]


def test_its_format_is_listed_and_recognised(package: Path, tmp_path: Path) -> None:
    _puzzles(tmp_path)
    assert "anagrams" in format_names()
    assert [one.name for one in recognise("puzzles.jsonl", tmp_path)] == ["anagrams"]
    text = first_recipe("puzzles.jsonl", tmp_path, tmp_path)
    assert "format: anagrams" in text
    (tmp_path / "first.yaml").write_text(text)
    assert TASKS.make(Run.create(checked(tmp_path / "first.yaml"), tmp_path / "first")).rows == 2


def test_a_format_with_errors_names_its_package(package: Path) -> None:
    (package / "infogap_anagrams" / "anagrams.yaml").write_text("about: [\n")
    with pytest.raises(InputError, match="the format 'anagrams' of infogap-anagrams has errors"):
        load_format("anagrams")
    (package / "infogap_anagrams" / "anagrams.yaml").unlink()
    with pytest.raises(InputError, match="'anagrams' of the package infogap-anagrams cannot be read"):
        load_format("anagrams")


def test_an_object_that_is_no_verifier_is_refused(package: Path) -> None:
    file = package / "infogap_anagrams" / "__init__.py"
    file.write_text("ANAGRAM = 'anagram'\n")
    with pytest.raises(InputError, match="'anagram' of infogap-anagrams is not an instance"):
        verifier("anagram")
