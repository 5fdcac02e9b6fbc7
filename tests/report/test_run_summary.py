"""The tables and the page say what the run's tables hold."""

import io
import re
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from balance.mix_runs import make_mix, make_run, trace
from infogap.effects.trace_summary import by_privilege, traces_in_short
from infogap.report import STAGE
from infogap.report.page import report_on
from infogap.report.run_summary import (
    mix_counts,
    mix_table,
    print_mix_figures,
    print_summary,
    privilege_table,
    summary,
)
from infogap.runs import manifest
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES
from publish.small_run import build_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return build_run(tmp_path / "run")


def text_of(table: object, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_means_are_those_of_the_traces_without_an_error(run: Run) -> None:
    traces = run.scan(TRACES).collect()
    densities = dict(run.scan(MEASURES).select("trace_id", "epistemic_density").collect().iter_rows())
    for row in by_privilege(traces_in_short(run), run.recipe):
        own = [
            each for each in traces.iter_rows(named=True) if each["privilege"] == row.privilege and not each["error"]
        ]
        assert row.traces == len(own)
        known = [densities[each["trace_id"]] for each in own if densities.get(each["trace_id"]) is not None]
        assert row.density == (pytest.approx(sum(known) / len(known)) if known else None)


def test_privileges_stand_from_the_poorest_to_the_richest(run: Run) -> None:
    names = [row.privilege for row in by_privilege(traces_in_short(run), run.recipe)]
    assert names[0] == "unguided"
    assert names == sorted(names, key=["unguided", "hint", "answer", "decoy_answer", "solution"].index)


def test_the_tables_fit_a_terminal_and_name_every_privilege(run: Run) -> None:
    for width in (100, 60):
        shown = text_of(privilege_table(run, width), width).splitlines()
        assert max(map(len, shown)) <= width
        for row in by_privilege(traces_in_short(run), run.recipe):
            (line,) = (line for line in shown if f"│ {row.privilege} " in line)
            assert line.endswith("│")
    assert "target" in text_of(mix_table("mix", mix_counts(run)["mix"]))


def test_in_a_narrow_terminal_long_names_of_teachers_wrap_and_numbers_stay_whole(run: Run) -> None:
    names = {"peer-one": "Qwen2.5-Coder-1.5B-Instruct (Q4_K_M)", "peer-two": "Qwen3-14B-Base"}
    traces = run.scan(TRACES).collect().with_row_index("row")
    with run.rewrite(TRACES) as out:
        teacher = pl.when(pl.col("row") % 2 == 0).then(pl.lit(names["peer-one"])).otherwise(pl.lit(names["peer-two"]))
        out.write(traces.with_columns(teacher=teacher).select(*TRACES.schema))
    shown = text_of(privilege_table(run, 80), 80)
    assert max(map(len, shown.splitlines())) <= 80
    for row in by_privilege(traces_in_short(run), run.recipe):
        assert f" {row.accuracy:.2f} │" in shown and f" {row.density:.2f} │" in shown
        assert f"│ {row.privilege} " in shown
    for word in ("accuracy", "markers", "1,000"):
        assert f" {word} " in shown
    assert names["peer-one"] in text_of(privilege_table(run, 200), 200)


def test_a_mix_without_axes_has_a_plain_title(capsys: pytest.CaptureFixture[str]) -> None:
    print_mix_figures("tasks-8", {"axes": {}, "size": 64, "target_size": 64, "tasks": 8})
    assert capsys.readouterr().out == "The mix tasks-8: 64 traces of 8 tasks\n"
    print_mix_figures("tasks-1", {"axes": {}, "size": 64, "target_size": 64, "tasks": 1})
    assert capsys.readouterr().out == "The mix tasks-1: 64 traces of 1 task\n"


def test_the_summary_is_the_tables_as_data(run: Run) -> None:
    data = summary(run)
    assert [row["privilege"] for row in data["privileges"]] == [
        row.privilege for row in by_privilege(traces_in_short(run), run.recipe)
    ]
    assert data["dataset"] == str(run.path / "dataset")


def test_the_page_is_whole_and_the_same_twice(run: Run) -> None:
    text = report_on(run).html
    assert text == report_on(run).html
    assert not re.findall(r'(?:src|href)="(?!#|figures/|http://127)', text)  # nothing is fetched from outside
    for row in by_privilege(traces_in_short(run), run.recipe):
        assert f"<b>{row.privilege}</b>" in text
    STAGE.make(run)
    assert (run.path / "report" / "index.html").read_text() == text


def test_of_several_mixes_the_config_to_load_is_one_that_is_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    several = make_run(tmp_path, "{mixes: {one: {}, two: {}}}", [trace("t1"), trace("t2")])
    make_mix(several)
    print_summary(several)
    assert "load it" not in capsys.readouterr().out  # nothing is published yet
    (several.path / "dataset").mkdir()
    made = manifest.Manifest("publish", 3, "print", {}, {}, 2, {"one": {"rows": 1}, "two": {"rows": 1}}, {})
    manifest.write(several.manifest_path("dataset"), made)
    print_summary(several)
    assert 'dataset", "one"))' in capsys.readouterr().out


def test_the_config_to_load_is_the_first_of_the_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = make_run(tmp_path, "{}\npublish: {configs: [sft, traces, preference]}", [trace("t1"), trace("t2")])
    make_mix(run)
    (run.path / "dataset").mkdir()
    rows = {name: {"rows": 1} for name in ("preference", "sft", "traces")}
    manifest.write(run.manifest_path("dataset"), manifest.Manifest("publish", 3, "print", {}, {}, 3, rows, {}))
    print_summary(run)
    assert 'dataset", "sft"))' in capsys.readouterr().out
