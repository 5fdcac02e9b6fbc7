"""A format of another package: the one that docs/extending.md shows, installed and exported."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from infogap import plugins
from infogap.errors import InputError
from infogap.publish.export import export
from publish.small_run import Build

SECTION = (Path(__file__).parents[3] / "docs" / "extending.md").read_text().split("## A file for a trainer\n")[1]
CODE, PROJECT = (re.findall(rf"```{kind}.*?\n(.*?)```", SECTION, re.DOTALL)[0] for kind in ("python", "toml"))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package of the documentation, in a folder on the path."""
    project = tomllib.loads(PROJECT)["project"]
    ((group, entries),) = project["entry-points"].items()
    info = tmp_path / "site" / "two_texts.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {place}" for name, place in entries.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]) + "\n")
    (tmp_path / "site" / "two_texts.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    plugins._registered.cache_clear()
    yield
    plugins._registered.cache_clear()
    plugins._loaded.cache_clear()
    sys.modules.pop("two_texts", None)


@pytest.mark.usefixtures("installed")
def test_it_is_exported_like_our_own(build: Build, tmp_path: Path) -> None:
    run = build()
    rows = export(run, tmp_path / "texts.jsonl", "two-texts", thinking="drop")
    export(run, tmp_path / "mix.jsonl", "messages", thinking="drop")
    texts, mix = (
        [json.loads(line) for line in (tmp_path / name).read_text().splitlines()]
        for name in ("texts.jsonl", "mix.jsonl")
    )
    assert rows == len(texts) == len(mix)
    for row, conversation in zip(texts, mix, strict=True):
        assert row["trace_id"] == conversation["trace_id"]
        assert [row["question"], row["answer"]] == [turn["content"] for turn in conversation["messages"]]
    with pytest.raises(InputError, match="it has texts, and no messages"):
        export(run, tmp_path / "texts.jsonl", "two-texts", thinking="field")


def test_without_the_package_there_is_no_such_format(build: Build, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown format 'two-texts'; allowed: alpaca, axolotl, "):
        export(build(), tmp_path / "texts.jsonl", "two-texts")
