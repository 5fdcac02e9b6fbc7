"""A finished run needs nothing but its own folder: its sources may be gone, and the folder moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from infogap.api.run import Run
from infogap.errors import InputError
from infogap.schema import MIX, TRACES, VERDICTS

SOURCES = {
    "a file": "from: data/traces.jsonl",
    "a folder": "from: data",
    "a pattern": "from: data/*.jsonl",
    "several files": "from: [data/traces.jsonl, data/more.jsonl]",
    "a joined file": "from: data/traces.jsonl, join: {from: gold.jsonl, on: id}",
}
RECIPE = """
name: small
import:
  - {SOURCE, columns: {question: question, answer: gold, trace: text}}
measure: {lexicons: [words.yaml]}
decontaminate: {against: [{from: evaluation.jsonl, column: question}]}
balance: {when_short: shrink}
publish: {repo: org/small}
"""
LEXICON = """
name: words
source: these tests
matching: word
markers: {doubt: [wait, perhaps]}
"""


def _write(folder: Path, source: str) -> Path:
    (folder / "data").mkdir(parents=True)
    rows = [
        {
            "id": str(n),
            "question": f"What is {n} + 1, all in all?",
            "gold": str(n + 1),
            "text": f"Wait, \\boxed{{{n + 1}}}.",
        }
        for n in range(12)
    ]
    joined = "join" in source
    texts = [{key: row[key] for key in row if not (joined and key == "gold")} for row in rows]
    (folder / "data" / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in texts[:8]))
    (folder / "data" / "more.jsonl").write_text("".join(json.dumps(row) + "\n" for row in texts[8:]))
    (folder / "gold.jsonl").write_text("".join(json.dumps({"id": r["id"], "gold": r["gold"]}) + "\n" for r in rows))
    (folder / "evaluation.jsonl").write_text(json.dumps({"question": "How far is it from here to the moon?"}) + "\n")
    (folder / "words.yaml").write_text(LEXICON)
    (folder / "recipe.yaml").write_text(RECIPE.replace("SOURCE", source))
    return folder / "recipe.yaml"


def _only_the_run(tmp_path: Path, source: str) -> Run:
    """A finished run whose sources, lexicon and evaluation set are gone, in a folder that was moved."""
    recipe = _write(tmp_path / "there", source)
    made = Run.create(recipe, tmp_path / "there" / "run")
    made.update(quiet=True)
    shutil.move(made.path, tmp_path / "run")
    shutil.rmtree(tmp_path / "there")
    return Run.open(tmp_path / "run")


def _changed(run: Run, old: str, new: str) -> Run:
    """The run with another setting in its own recipe."""
    text = (run.path / "recipe.yaml").read_text()
    assert text.count(old) == 1
    (run.path / "recipe.yaml").write_text(text.replace(old, new))
    return Run.open(run.path)


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_finished_run_is_balanced_published_and_reported_without_them(tmp_path: Path, source: str) -> None:
    run = _only_the_run(tmp_path, source)
    assert {state.state for state in run.status()} == {"done"}
    tasks = run.table("tasks").collect().height
    assert not any(update.made for update in run.update(quiet=True))
    changed = _changed(run, "balance:\n", "balance:\n  size: 3\n")
    for stage in ("balance", "publish", "report"):
        assert [update.made for update in changed.update(stage, quiet=True)] == [True]
    assert tasks > 3 and pl.read_parquet(run.path / "dataset" / "data" / "sft" / "*.parquet").height == 3
    assert not any(update.made for update in changed.update(quiet=True))


def test_a_recipe_beside_which_the_source_is_gone_can_still_change_the_mix(tmp_path: Path) -> None:
    recipe = _write(tmp_path, SOURCES["a file"])
    Run.create(recipe, tmp_path / "run").update(quiet=True)
    (tmp_path / "data" / "traces.jsonl").unlink()
    run = Run.create(recipe, tmp_path / "run", overrides=["balance.size=3"])
    assert [update.stage for update in run.update(quiet=True) if update.made] == ["balance", "publish", "report"]
    with pytest.raises(InputError, match=r"there is no file .*traces\.jsonl"):  # nothing has been read for this one
        Run.create(recipe, tmp_path / "other")
    recipe.write_text(recipe.read_text().replace("traces.jsonl", "others.jsonl"))
    with pytest.raises(InputError, match=r"there is no file .*others\.jsonl"):
        Run.create(recipe, tmp_path / "run")


def test_of_several_files_a_change_is_seen_though_another_is_gone(tmp_path: Path) -> None:
    recipe = _write(tmp_path, SOURCES["several files"])
    run = Run.create(recipe, tmp_path / "run")
    run.update(quiet=True)
    (tmp_path / "data" / "traces.jsonl").unlink()
    assert all(state.state == "done" for state in run.status())
    more = tmp_path / "data" / "more.jsonl"
    more.write_text(more.read_text().replace("Wait", "Perhaps"))
    tasks = run.status()[0]
    assert tasks.state == "stale" and "import[0].sha256[1]" in tasks.why[0]
    with pytest.raises(InputError, match=r"there is no file .*traces\.jsonl"):
        run.update(quiet=True)


def test_what_was_imported_is_kept_where_it_cannot_be_read_again(tmp_path: Path) -> None:
    run = _only_the_run(tmp_path, SOURCES["a file"])
    before = run.table("traces").collect().height
    changed = _changed(run, "teacher: unknown", "teacher: another")
    with pytest.raises(InputError, match=r"there is no f"):
        changed.update("import", quiet=True)
    assert run.folder.rows(TRACES) == before


def test_bytes_that_have_changed_are_found_before_they_are_read(tmp_path: Path) -> None:
    run = Run.create(_write(tmp_path, SOURCES["a file"]), tmp_path / "run")
    run.update(quiet=True)
    mix, verdicts = run.table("mix").collect(), run.table("verdicts").collect().sort("trace_id")
    (part,) = run.folder.part_paths(VERDICTS)
    verdicts.with_columns(verdict=pl.lit("wrong")).head(3).write_parquet(part)
    with pytest.raises(InputError, match=r"balance reads verdicts, which is stale \(verdicts/part-00000.parquet has"):
        run.update("balance", quiet=True)
    made = [update.stage for update in run.update(quiet=True) if update.made]
    assert made == ["verify"]  # with the verdicts that the others have read
    assert run.table("verdicts").collect().sort("trace_id").equals(verdicts)
    assert run.folder.scan(MIX).collect().sort("trace_id").equals(mix.sort("trace_id"))
