"""Markers are counted under each privilege, in each quarter, for each teacher of its own."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from infogap.effects.trace_summary import traces_in_short
from infogap.report.marker_profile import marker_profiles
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES
from publish.small_run import build_run

ORDER = ["unguided", "answer", "solution"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return build_run(tmp_path / "run")


def rewritten(run: Run, quarters: dict[str, list[int]]) -> None:
    """Give the traces of each privilege a `wait` in each of these quarters, and one `hmm` to every trace."""
    privileges = dict(run.scan(TRACES).select("trace_id", "privilege").collect().iter_rows())
    rows = run.scan(MEASURES).collect().to_dicts()
    for row in rows:
        counts = quarters[privileges[row["trace_id"]]]
        markers = [{"marker": "wait", "count": sum(counts)}] if sum(counts) else []
        row["lexicons"] = [
            {"lexicon": "infogap", "markers": [*markers, {"marker": "hmm", "count": 1}], "quarters": counts}
        ]
    with run.rewrite(MEASURES) as out:
        out.write(MEASURES.frame([{**row, "lexicons": None} for row in rows]).with_columns(_lexicons(rows)))


def _lexicons(rows: list[dict[str, object]]) -> pl.Series:
    return pl.Series("lexicons", [row["lexicons"] for row in rows], dtype=MEASURES.schema["lexicons"])


def test_rates_are_per_thousand_of_the_privileges_own_tokens(run: Run) -> None:
    rewritten(run, {"unguided": [3, 1, 0, 0], "answer": [0, 0, 0, 1], "solution": [0, 0, 0, 0]})
    (profile,) = marker_profiles(run, traces_in_short(run), ORDER)
    assert profile.unit == "tokens" and profile.by_privilege.columns == ["marker", *ORDER]
    rates = {row["marker"]: row for row in profile.by_privilege.iter_rows(named=True)}
    assert list(rates) == ["wait", "hmm"]  # the most frequent first
    tokens = dict(
        run.scan(TRACES)
        .filter(pl.col("error").is_null())
        .group_by("privilege")
        .agg(pl.col("completion_tokens").sum())
        .collect()
        .iter_rows()
    )
    assert rates["wait"]["unguided"] == pytest.approx(1000 * 12 * 4 / tokens["unguided"])
    assert rates["wait"]["solution"] == 0
    assert rates["hmm"]["solution"] == pytest.approx(1000 * 11 / tokens["solution"])


def test_quarters_are_shares_of_the_privileges_own_markers(run: Run) -> None:
    rewritten(run, {"unguided": [3, 1, 0, 0], "answer": [0, 0, 0, 2], "solution": [0, 0, 0, 0]})
    (profile,) = marker_profiles(run, traces_in_short(run), ORDER)
    assert profile.by_quarter.rows() == [
        ("unguided", 0.75, 0.25, 0.0, 0.0, 48),
        ("answer", 0.0, 0.0, 0.0, 1.0, 24),
        ("solution", None, None, None, None, 0),
    ]


def test_teachers_are_apart(run: Run) -> None:
    rewritten(run, {name: [1, 0, 0, 0] for name in ORDER})
    teacher = pl.when(pl.col("sample") == 0).then(pl.lit("one")).otherwise(pl.lit("two"))
    traces = run.scan(TRACES).collect().with_columns(teacher=teacher)
    with run.rewrite(TRACES) as out:
        out.write(traces)
    profiles = marker_profiles(run, traces_in_short(run), ORDER)
    assert [profile.teacher for profile in profiles] == ["one", "two"]


def test_without_known_tokens_rates_are_per_words(run: Run) -> None:
    rewritten(run, {name: [1, 0, 0, 0] for name in ORDER})
    traces = run.scan(TRACES).collect().with_columns(completion_tokens=pl.lit(None, pl.Int64))
    with run.rewrite(TRACES) as out:
        out.write(traces)
    (profile,) = marker_profiles(run, traces_in_short(run), ORDER)
    assert profile.unit == "words"
    assert profile.by_privilege.row(0, named=True)["unguided"] == pytest.approx(1000 / 12)
