"""The index has every trace once, with the values of the run's tables."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from infogap.console import output
from infogap.errors import InputError
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, MIX, TRACES, VERDICTS
from infogap.view import trace_index
from infogap.view.trace_index import Facet, read_index
from publish.small_run import build_run


def test_every_trace_is_there_with_its_values(viewed: Run) -> None:
    index = read_index(viewed)
    traces = (
        viewed.scan(TRACES).select("trace_id", "task_id", "privilege", "completion_tokens").sort("trace_id").collect()
    )
    assert sorted(index.trace_ids) == traces["trace_id"].to_list()
    verdicts = dict(viewed.scan(VERDICTS).select("trace_id", "verdict").collect().iter_rows())
    leaks = {
        trace_id: ", ".join(sorted({leak["kind"] for leak in found})) or "no leak"
        for trace_id, found in viewed.scan(MEASURES).select("trace_id", "leaks").collect().iter_rows()
    }
    assert set(leaks.values()) > {"no leak", "copying"}
    densities = dict(viewed.scan(MEASURES).select("trace_id", "epistemic_density").collect().iter_rows())
    for trace_id, task_id, privilege, tokens in traces.iter_rows():
        place = index.position(trace_id)
        assert place is not None
        assert index.tasks["task_id"][int(index.task_numbers[place])] == task_id
        assert index.facets["privilege"].name(index.facets["privilege"].codes[place]) == privilege
        assert index.facets["verdict"].name(index.facets["verdict"].codes[place]) == verdicts[trace_id]
        assert index.facets["leak"].name(index.facets["leak"].codes[place]) == leaks[trace_id]
        assert index.numbers["tokens"][place] == tokens
        assert index.numbers["density"][place] == pytest.approx(densities[trace_id])


def test_a_tasks_traces_stand_together_from_unguided_to_the_richest(viewed: Run) -> None:
    index = read_index(viewed)
    assert (np.diff(index.task_numbers.astype(np.int64)) >= 0).all()
    number = index.task_number(index.tasks["task_id"][0])
    assert number == 0
    privilege = index.facets["privilege"]
    for task in range(index.tasks.height):
        names = [privilege.name(privilege.codes[place]) for place in index.of_task(task)]
        assert names == sorted(names, key=["unguided", "answer", "solution"].index)


def test_a_trace_in_several_mixes_counts_in_each(viewed: Run) -> None:
    index = read_index(viewed)
    facet = index.facets["mix"]
    counts = dict(zip(facet.values, facet.counts(facet.codes), strict=True))
    chosen = dict(viewed.scan(MIX).filter("selected").group_by("mix").len().collect().iter_rows())
    assert chosen == {name: counts[name] for name in chosen}
    of_both = facet.having(["both"]) & facet.having(["right"])
    assert of_both.any()
    assert [facet.name(int(code)) for code in np.flatnonzero(of_both)] == ["both, right"]


def test_a_value_that_is_missing_has_a_name_and_comes_last() -> None:
    facet = Facet.of(pl.Series(["wrong", None, "correct", "zebra"]), "not verified", ("correct", "wrong"))
    assert facet.values == ["correct", "wrong", "zebra", "not verified"]
    assert [facet.name(code) for code in facet.codes] == ["wrong", "not verified", "correct", "zebra"]


def test_a_failed_request_is_a_trace_without_a_verdict(tmp_path: Path) -> None:
    index = read_index(build_run(tmp_path))
    facet = index.facets["verdict"]
    assert dict(zip(facet.values, facet.counts(facet.codes), strict=True))["not verified"] == 1
    finish = index.facets["finish_reason"]
    assert dict(zip(finish.values, finish.counts(finish.codes), strict=True)) == {"error": 1, "stop": 35}


def test_a_run_whose_stages_have_not_run_says_so_of_each_value(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    for table in (VERDICTS, MEASURES, DUPLICATES, MIX):
        for part in run.part_paths(table):
            part.unlink()
    facets = read_index(run).facets
    expected = {"verdict": "not verified", "band": "no band", "leak": "not measured", "duplicate": "not searched"}
    expected |= {"mix": "in no mix", "reason": "not balanced", "tag": "no tag"}
    assert {name: facets[name].values for name in expected} == {name: [value] for name, value in expected.items()}


def test_a_run_without_traces_is_refused_in_a_line(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    with run.rewrite(TRACES):
        pass
    with pytest.raises(InputError, match="has no traces: the table is empty"):
        read_index(run)
    for part in run.part_paths(TRACES):
        part.unlink()
    with pytest.raises(InputError, match="has no traces yet"):
        read_index(run)


def test_a_table_of_another_version_is_said_in_a_line(tmp_path: Path) -> None:
    run = build_run(tmp_path / "run")
    (part,) = run.part_paths(MIX)
    pl.read_parquet(part).drop("mix").write_parquet(part)
    with pytest.raises(InputError, match=r"a table of another version of infogap .*`infogap run .*` writes it again"):
        read_index(run)


def test_progress_counts_all_tables_of_a_large_run(
    viewed: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "quiet", False)
    read_index(viewed)
    assert "tables" not in capsys.readouterr().err
    monkeypatch.setattr(trace_index, "_READ_AT_ONCE", 0)
    read_index(viewed)
    assert "9/9" in capsys.readouterr().err
