"""Dedupe on a Ray cluster, in its local mode, against the same on this process's threads."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from infogap.dedupe.batch_engines import on_ray
from infogap.dedupe.dedupe_file import duplicates_in
from infogap.errors import ExternalError
from infogap.recipe.dedupe_section import Dedupe

SETTINGS = Dedupe(scope="all")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six thousand texts, some of them copies and changed copies, in groups of 500 rows."""
    drawn = random.Random(1)
    rows: list[str | None] = []
    for number in range(6_000):
        words = [f"w{drawn.randrange(5_000)}" for _ in range(60)]
        if rows and drawn.random() < 0.3:
            words = (drawn.choice(rows) or "").split() or words
            for _ in range(drawn.randrange(6)):
                words[drawn.randrange(len(words))] = f"w{number}"
        rows.append(None if drawn.random() < 0.01 else " ".join(words))
    file = tmp_path_factory.mktemp("texts") / "texts.parquet"
    pl.DataFrame({"text": rows}).write_parquet(file, row_group_size=500)
    return file


def test_the_table_is_the_same(texts: Path) -> None:
    here = duplicates_in(texts, "text", SETTINGS)
    with on_ray("local"):
        there = duplicates_in(texts, "text", SETTINGS)
    assert len(here.removed) > 500
    assert there.table().equals(here.table())
    assert (there.rows, there.without_text, there.cut) == (here.rows, here.without_text, here.cut)


def test_by_the_command(texts: Path, tmp_path: Path) -> None:
    tables = []
    ways: dict[str, list[str]] = {"here": [], "there": ["--ray", "local"]}
    for name, options in ways.items():
        out = tmp_path / f"{name}.parquet"
        command = [sys.executable, "-m", "infogap", "dedupe", "--input", texts, "--column", "text", "--duplicates", out]
        ended = subprocess.run([*map(str, command), *options], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        tables.append(out.read_bytes())
    assert tables[0] == tables[1]


def test_a_cluster_that_is_not_there() -> None:
    with pytest.raises(ExternalError, match="there is no Ray cluster at"), on_ray("127.0.0.1:1"):
        pass
