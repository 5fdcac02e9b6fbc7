"""What `infogap show` picks and prints."""

from pathlib import Path

import polars as pl
import pytest

from infogap.errors import InputError
from infogap.report.traces_terminal import print_traces, traces_of
from infogap.runs.run_folder import Run
from infogap.schema import TRACES
from publish.small_run import build_run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return build_run(tmp_path / "run")


def test_filters_choose_traces_of_the_first_tasks(run: Run) -> None:
    found = traces_of(run, {"privilege": "answer"}, tasks=2)
    assert set(found["privilege"]) == {"answer"}
    assert found["task_id"].n_unique() == 2
    correct = traces_of(run, {"verdict": "correct"}, tasks=99)
    assert set(correct["verdict"]) == {"correct"}


def test_a_tasks_traces_stand_from_the_unguided_to_the_richest(run: Run) -> None:
    found = traces_of(run, {}, tasks=1)
    assert list(dict.fromkeys(found["privilege"])) == ["unguided", "answer", "solution"]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("privilege", "anwser", "did you mean 'answer'"),
        ("band", "sure", "there are"),
        ("task_id", "t99", "no trace with task"),
    ],
)
def test_a_value_that_does_not_occur_is_refused(run: Run, column: str, value: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        traces_of(run, {column: value}, tasks=1)


def test_everything_shown_fits_the_terminal(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_traces(run, traces_of(run, {}, tasks=2))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert shown.count("gold answer") == 2
    assert "unguided #0" in shown
    traces = traces_of(run, {}, tasks=99)
    print_traces(run, traces)
    assert capsys.readouterr().out.count(" leaks ") == traces["leak"].sum() == 1


def test_turns_of_a_sample_stand_in_their_order_whatever_is_chosen(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = (pl.col("privilege") == "answer") & (pl.col("task_id") == "task1")
    turns = (
        run.scan(TRACES)
        .collect()
        .with_columns(
            sample=pl.when(answer).then(0).otherwise("sample"),
            round=pl.when(answer).then(5 - 2 * pl.col("sample")).otherwise("round"),  # the first sample came last
        )
    )
    with run.rewrite(TRACES) as out:
        out.write(turns)
    monkeypatch.setenv("COLUMNS", "80")
    found = traces_of(run, {"task_id": "task1", "privilege": "answer"}, tasks=1)
    assert found["round"].to_list() == [3, 5]
    print_traces(run, found)
    print_traces(run, found.tail(1))
    shown = capsys.readouterr().out
    assert "answer #0, turn 1" in shown
    assert shown.count("answer #0, turn 2") == 2
    print_traces(run, traces_of(run, {"privilege": "solution"}, tasks=9))
    assert "turn" not in capsys.readouterr().out


def test_traces_of_several_teachers_say_whose_they_are(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    print_traces(run, traces_of(run, {}, tasks=1))
    assert "Teacher-8B" not in capsys.readouterr().out
    (part,) = run.part_paths(TRACES)
    frame = pl.read_parquet(part)
    later = frame.with_columns(
        teacher=pl.lit("second"), round=pl.lit(4, pl.Int64), trace_id=pl.col("trace_id") + "-of-second"
    )
    pl.concat([frame, later]).write_parquet(part)
    both = traces_of(run, {"privilege": "unguided"}, tasks=1)
    assert both["teacher"].unique(maintain_order=True).to_list() == ["/models/Teacher-8B", "second"]
    assert set(both["turns"]) == {1}  # another teacher's sample is no further turn
    print_traces(run, both)
    shown = capsys.readouterr().out
    assert shown.count("/models/Teacher-8B") == shown.count("second") == 2
    assert set(traces_of(run, {"teacher": "second"}, tasks=9)["teacher"]) == {"second"}
