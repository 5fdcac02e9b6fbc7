"""Leaks are counted by kind and privilege, and shown with the words around them."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from infogap.report.leak_examples import leaks_by_kind
from infogap.runs.run_folder import Run
from infogap.schema import LEAKS, MEASURES, TRACES
from publish.small_run import build_run


def leaking_run(folder: Path, text: str, places: list[tuple[str, int, int]]) -> Run:
    """A run whose first five traces under `solution` say `text`, with leaks of these kinds at these places."""
    run = build_run(folder)
    answered = run.scan(TRACES).filter(pl.col("error").is_null(), privilege="solution").sort("trace_id").collect()
    ids = answered["trace_id"].head(5)
    leaks = [{"kind": kind, "rule": "test", "start": start, "end": end, "evidence": ""} for kind, start, end in places]
    chosen = pl.col("trace_id").is_in(ids.implode())
    traces = run.scan(TRACES).collect()
    with run.rewrite(TRACES) as out:
        out.write(
            traces.with_columns(
                response=pl.when(chosen).then(pl.lit(text)).otherwise("response"),
                reasoning=pl.when(chosen).then(pl.lit("")).otherwise("reasoning"),
            )
        )
    measures = run.scan(MEASURES).collect()
    column = pl.Series("leaks", [leaks if each in ids.to_list() else [] for each in measures["trace_id"]], dtype=LEAKS)
    with run.rewrite(MEASURES) as out:
        out.write(measures.with_columns(column, leak=chosen))
    return run


def test_a_kind_has_its_counts_and_at_most_three_examples(tmp_path: Path) -> None:
    text = "So, as the solution says, it is 4."
    run = leaking_run(tmp_path, text, [("reference", 7, 24), ("copying", 0, 2)])
    kinds = {row.kind: row for row in leaks_by_kind(run)}
    assert kinds.keys() == {"reference", "copying"}
    row = kinds["reference"]
    assert row.traces == 5 and row.privileges == {"solution": 5} and len(row.examples) == 3
    assert (row.examples[0].before, row.examples[0].text, row.examples[0].after) == (
        "So, as ",
        "the solution says",
        ", it is 4.",
    )
    assert "that the student does not see" in row.meaning


def test_long_texts_are_cut_around_the_leak(tmp_path: Path) -> None:
    text = "a" * 500 + "LEAK" * 100 + "b" * 500
    run = leaking_run(tmp_path, text, [("copying", 500, 900)])
    example = leaks_by_kind(run)[0].examples[0]
    assert example.before == "…" + "a" * 90 and example.after == "b" * 90 + "…"
    assert example.text == "LEAK" * 60 + "…"


def test_a_run_without_leaks_has_no_kinds(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    measures = run.scan(MEASURES).collect()
    with run.rewrite(MEASURES) as out:
        out.write(measures.with_columns(leak=pl.lit(False)))
    assert leaks_by_kind(run) == []
