"""What runs of a sweep take from each other: scored texts, and the files of stages, though runs are odd or broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import polars as pl
import pytest

import infogap
from gap.tiny_model import TinyModel
from infogap.teachers.embedded.embedded_scoring import EmbeddedScorer
from infogap.teachers.scorer import Scored, TextToScore

RECIPE = """\
name: demo
import:
  - from: traces.jsonl
    columns: {question: q, answer: a, privilege: p, trace: t, context: c, teacher: m}
measure:
  gap: {scorer: {backend: embedded, model: tiny.gguf, context_length: 512, threads: 1}}
dedupe: null
balance: {leak: keep, when_short: shrink}
"""
CONTEXT = {"p": "answer", "c": "It is as it is", "m": "m"}
ROWS = [CONTEXT | {"q": f"What is {n}+1?", "a": str(n + 1), "t": rf"\boxed{{{n + 1}}}."} for n in range(4)]


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    TinyModel(seed=1).write(tmp_path / "tiny.gguf")
    (tmp_path / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


@pytest.fixture
def texts_scored(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The keys of the texts that the model has scored."""
    keys: list[str] = []
    score = EmbeddedScorer._score

    def counting(self: EmbeddedScorer, context: Any, wanted: TextToScore, stop: Event) -> Scored:
        keys.append(wanted.key)
        return score(self, context, wanted, stop)

    monkeypatch.setattr(EmbeddedScorer, "_score", counting)
    yield keys


def gaps(folder: Path) -> pl.DataFrame:
    return infogap.Run.open(folder).table("gaps").collect().sort("trace_id")


def test_a_text_is_scored_once(recipe: Path, texts_scored: list[str], tmp_path: Path) -> None:
    compared = infogap.sweep(recipe, {"measure.gap.threshold": [0.01, 1]}, tmp_path / "sweep", quiet=True)
    assert len(texts_scored) == len(set(texts_scored)) > 0
    low, high = (gaps(tmp_path / "sweep" / name) for name in compared["cell"])
    assert not low["gap_share"].equals(high["gap_share"])
    assert low["gap"].equals(high["gap"])
    alone = infogap.Run.create(recipe, tmp_path / "alone", overrides=["measure.gap.threshold=1"])
    alone.update(quiet=True)
    assert gaps(alone.path).equals(high)


def test_a_run_that_lost_a_file_lends_nothing(recipe: Path, texts_scored: list[str], tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    compared = infogap.sweep(recipe, {"balance.size": [1, 2]}, sweep, quiet=True)
    first, second = (sweep / name for name in compared["cell"])
    whole = gaps(first)
    for run in (first, second):
        (run / "gaps" / "part-00000.parquet").unlink()
    texts_scored.clear()
    again = infogap.sweep(recipe, {"balance.size": [1, 2]}, sweep, quiet=True)
    assert again.equals(compared)
    assert gaps(first).equals(whole)
    assert gaps(second).equals(whole)
    assert texts_scored == []


def test_files_beside_the_runs_and_runs_of_other_versions_are_passed_over(recipe: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep"
    infogap.sweep(recipe, {"balance.size": [1, 2]}, sweep, quiet=True)
    (sweep / "notes").mkdir()
    (sweep / "a-run-of-another-version").mkdir()
    (sweep / "a-run-of-another-version" / "recipe.yaml").write_text("name: demo\nunheard_of: 1\n")
    compared = infogap.sweep(recipe, {"balance.size": [1, 2, 3]}, sweep, quiet=True)
    assert compared["mix"].to_list() == [1, 2, 3]


def test_a_base_recipe_that_changes_makes_what_follows_from_it_once(
    recipe: Path, texts_scored: list[str], tmp_path: Path
) -> None:
    sweep = tmp_path / "sweep"
    infogap.sweep(recipe, {"balance.size": [1, 2]}, sweep, quiet=True)
    with (tmp_path / "traces.jsonl").open("a") as rows:
        rows.write(json.dumps(ROWS[0] | {"q": "What is 8+1?", "a": "9", "t": r"\boxed{9}."}) + "\n")
    texts_scored.clear()
    compared = infogap.sweep(recipe, {"balance.size": [1, 2]}, sweep, quiet=True)
    assert compared["traces"].to_list() == [5, 5]
    assert len(texts_scored) == len(set(texts_scored)) == 3  # under both prompts, and under none
    first, second = (sweep / name / "measures" / "part-00000.parquet" for name in compared["cell"])
    assert first.stat().st_ino == second.stat().st_ino
