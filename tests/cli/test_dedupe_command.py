"""`infogap dedupe` of a file, and duplicates shown side by side."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from cli.in_process import infogap
from dedupe.test_dedupe_stage import NEAR, TEXT, make_run
from infogap.dedupe import STAGE
from infogap.recipe import dump_recipe


def test_a_file_is_deduplicated(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in (TEXT, NEAR, "other", TEXT)))
    ended = infogap(
        *("dedupe", "--input", file, "--column", "text"),
        *("--output", tmp_path / "kept.jsonl", "--duplicates", tmp_path / "why.parquet"),
    )
    assert ended.returncode == 0, ended.stderr
    assert "4 rows: 1 copies and 1 near-duplicates removed, 2 kept" in ended.stderr
    assert (tmp_path / "kept.jsonl").read_text().count("\n") == 2
    why = pl.read_parquet(tmp_path / "why.parquet")
    assert why.select("row", "duplicate_of", "how").rows() == [(1, 0, "minhash"), (3, 0, "exact")]
    told = json.loads(infogap("dedupe", "--input", file, "--column", "text", "--threshold", "1", "--json").stdout)
    assert (told["rows"], told["removed"], told["exact"]) == (4, 1, 1)


def test_options_that_do_not_go_together(tmp_path: Path) -> None:
    for arguments, message in (
        ((), "name a run's folder, or a file with --input and --column"),
        (("run", "--input", "a.jsonl"), "name a run's folder, or a file"),
        (("run", "--num-perm", "64"), "--num-perm needs --input; for a run, set it in the recipe"),
        (("--input", "a.jsonl"), "name the column that holds the texts"),
        (
            ("--input", "a.jsonl", "--column", "text", "--threshold", "2"),
            "--threshold: should be less than or equal to 1",
        ),
        (("--input", "a.jsonl", "--column", "text", "--keep", "correct_first"), "is for runs"),
    ):
        ended = infogap("dedupe", *arguments)
        assert ended.returncode == 2
        assert message in ended.stderr


def test_duplicates_are_shown_side_by_side(tmp_path: Path) -> None:
    traces = [{"trace_id": "a", "sample": 0}, {"trace_id": "b", "sample": 1, "response": NEAR}]
    run = make_run(tmp_path, "{}", traces)
    STAGE.make(run)
    (run.path / "recipe.yaml").write_text(dump_recipe(run.recipe))
    ended = infogap("show", run.path, "--duplicates")
    assert ended.returncode == 0, ended.stderr
    assert max(map(len, ended.stdout.splitlines())) <= 80
    for expected in ("kept: a", "removed: b", "Jaccard 0.9", "equal words"):
        assert expected in ended.stdout
    (pair,) = json.loads(infogap("show", run.path, "--duplicates", "--json").stdout)
    assert (pair["trace_id"], pair["duplicate_of"]) == ("b", "a")
    assert infogap("show", run.path, "--duplicates", "--privilege", "answer").returncode == 2
