"""Every chart shows the numbers that it comes with, and is the same picture each time."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest

from infogap.charts.distributions import density_by_privilege
from infogap.charts.drawing import INK, Chart, label
from infogap.charts.mix_charts import coverage, mix_targets
from infogap.effects.trace_summary import by_privilege, traces_in_short
from infogap.runs.run_folder import Run
from publish.small_run import build_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return build_run(tmp_path / "run")


def test_the_density_has_a_row_per_privilege_with_its_quantiles(run: Run) -> None:
    traces = traces_in_short(run)
    chart = density_by_privilege(traces, run.recipe)
    assert chart is not None
    assert chart.numbers["privilege"].to_list() == ["unguided", "answer", "solution"]
    for row in chart.numbers.iter_rows(named=True):
        own = traces.filter(privilege=row["privilege"])["epistemic_density"].drop_nulls()
        assert row["traces"] == own.len()
        assert row["median"] == own.quantile(0.5, "linear")
        assert row["p5"] == own.quantile(0.05, "linear")
    figures = {row.privilege: row.density for row in by_privilege(traces, run.recipe)}
    unguided = chart.numbers.row(0, named=True)
    assert unguided["tasks"] == 6 and unguided["mean"] == pytest.approx(figures["unguided"])


def test_teachers_are_rows_of_their_own(run: Run) -> None:
    traces = traces_in_short(run)
    density = pl.col("epistemic_density") + 50
    second = traces.with_columns(teacher=pl.lit("second", pl.Categorical), epistemic_density=density)
    chart = density_by_privilege(pl.concat([traces, second]), run.recipe)
    assert chart is not None
    assert chart.numbers.select("privilege", "teacher").rows()[:2] == [
        ("unguided", "/models/Teacher-8B"),
        ("unguided", "second"),
    ]
    assert "second" in chart.svg() and "by privilege and teacher" in chart.caption


def test_traces_without_a_density_draw_nothing(run: Run) -> None:
    traces = traces_in_short(run).with_columns(epistemic_density=pl.lit(None, pl.Float64))
    assert density_by_privilege(traces, run.recipe) is None


def test_coverage_counts_the_traces_of_each_family(run: Run) -> None:
    chart = coverage(run)
    assert chart is not None
    chosen = traces_in_short(run).filter("selected").group_by("family").agg(pl.len(), pl.col("task_id").n_unique())
    counted = {family: (tasks, traces) for _, family, tasks, traces in chart.numbers.iter_rows()}
    assert counted == {family: (tasks, traces) for family, traces, tasks in chosen.iter_rows()}


def test_the_mix_shows_targets_beside_what_was_achieved(run: Run) -> None:
    chart = mix_targets(run)
    manifest = run.manifest("mix")
    assert chart is not None and manifest is not None
    axes = manifest.counts["mixes"]["mix"]["axes"]
    counted = {(row["axis"], row["value"]): row for row in chart.numbers.iter_rows(named=True)}
    assert counted.keys() == {(axis, value) for axis, values in axes.items() for value in values}
    for (axis, value), row in counted.items():
        assert {key: row[key] for key in ("target", "achieved", "available")} == axes[axis][value]


def test_a_picture_is_the_same_each_time_and_comes_with_its_numbers(run: Run) -> None:
    first, second = (_chart(run) for _ in range(2))
    assert first.svg() == second.svg() and first.png() == second.png()
    assert first.png().startswith(b"\x89PNG")
    assert first.svg().startswith("<svg") and INK in first.svg()
    assert 'style="fill: #ffffff"' in first.svg(background=True) and 'style="fill: #ffffff"' not in first.svg()
    assert first.svg(background=True) == _chart(run)._drawn("white")  # as matplotlib draws it
    assert pl.read_csv(io.BytesIO(first.csv())).columns == first.numbers.columns


def test_labels_are_no_formulas_and_are_shortened() -> None:
    assert label("a $5 b$") == r"a \$5 b\$"
    assert label("x" * 60) == "x" * 60
    assert label("x" * 60, 40) == "x" * 39 + "…"
    assert "\x1b" not in label("\x1b[31m")


def _chart(run: Run) -> Chart:
    chart = density_by_privilege(traces_in_short(run), run.recipe)
    assert chart is not None
    return chart
