"""Rows of a former table are reused where nothing has changed, and the table is the one made from nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infogap.measure import STAGE as MEASURE
from infogap.measure import measure_traces
from infogap.measure.epistemic_markers import EpistemicMarkers
from infogap.measure.measuring import Measuring, Work
from infogap.recipe import load_recipe
from infogap.runs import former_rows, run_folder
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MEASURES, TASKS, TRACES, VERDICTS, Table
from infogap.verify import STAGE as VERIFY
from infogap.verify import verify_traces
from infogap.verify.grade_traces import grade_traces

_RECIPE = "name: trial\nimport: [{from: t.jsonl, columns: {trace: text}}]\n"
_LENGTH = """
import polars as pl


class Length:
    columns = {"share": pl.Float64}
    version = 1

    def measure(self, frame):
        return frame.select(share=pl.col("text").str.len_chars() / pl.col("text").str.len_chars().sum())


length = Length()
"""
_MEASURES = st.sampled_from(
    [
        "",
        "lexicons: [kim2026]",
        "lexicons: [kim2026, infogap]",
        "lexicons: [infogap, own.yaml]",
        "lexicons: [infogap, own.yaml], bands: {mixed: 100, uncertain: 500}",
        "bands: {mixed: 100, uncertain: 500}",
        "measures: ['length:length']",
        "lexicons: [own.yaml], measures: ['length:length']",
        "fork_entropy: 0.5",
    ]
)
_TEXTS = ("Wait, \\boxed{5}", "Perhaps \\boxed{6}", "As the solution says, it is five.", "", "Hmm. Let me check: 5")
Trace = tuple[int, str, bool]
# A trace is its id, its text, its privilege and what its teacher saw.
TRACE = st.tuples(st.integers(0, 11), st.sampled_from(_TEXTS), st.booleans())
TRACES_OF_RUN = st.lists(TRACE, max_size=12, unique_by=lambda trace: trace[0])


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (run_folder, former_rows, measure_traces, verify_traces):
        monkeypatch.setattr(module, "ROWS_PER_PART", 3)
    monkeypatch.setattr(measure_traces, "_AT_ONCE", 2)


def write_tables(run: Run, traces: list[Trace], answer: str = "5") -> None:
    rows = [
        {
            "trace_id": f"trace {number}",
            "task_id": f"task {number % 3}",
            "privilege": "solution" if shown else "unguided",
            "context_id": f"context {number % 3}" if shown else None,
            "teacher": "one",
            "response": text,
            "reasoning": "",
            "finish_reason": "stop",
        }
        for number, text, shown in traces
    ]
    tasks = [
        {"task_id": f"task {n}", "question": f"{n} + 2?", "answer": answer, "verifier": "math", "family": "sums"}
        for n in range(3)
    ]
    contexts = [
        {"context_id": f"context {n}", "task_id": f"task {n}", "privilege": "solution", "text": "It is five."}
        for n in range(3)
    ]
    _write(run, TASKS, tasks)
    _write(run, TRACES, rows)
    _write(run, CONTEXTS, contexts)


def _write(run: Run, table: Table, rows: list[dict[str, Any]]) -> None:
    with run.rewrite(table) as out:
        out.write(table.frame([dict.fromkeys(table.schema) | row for row in rows]))


def with_more(before: list[Trace], after: list[Trace]) -> list[Trace]:
    """The first traces, and those of the others that have another id."""
    known = {number for number, _, _ in before}
    return [*before, *(trace for trace in after if trace[0] not in known)]


def make(run: Run) -> None:
    VERIFY.make(run)
    MEASURE.make(run)


def tables(run: Run) -> dict[str, bytes]:
    """The bytes of both tables, by path; no cache."""
    paths = [*(run.path / VERDICTS.name).glob("*"), *(run.path / MEASURES.name).glob("*")]
    return {str(path.relative_to(run.path)): path.read_bytes() for path in paths if path.is_file()}


def new_run(folder: Path, measure: str = "") -> Run:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text("name: own\nsource: here\nmatching: word\nmarkers: {doubt: [as, five]}\n")
    (folder / "length.py").write_text(_LENGTH)
    return with_measure(folder, measure)


def with_measure(folder: Path, measure: str) -> Run:
    """The run in a folder, its recipe with another section `measure`."""
    (folder / "r.yaml").write_text(_RECIPE + (f"measure: {{{measure}}}\n" if measure else ""))
    run = Run.create(load_recipe(folder / "r.yaml"), folder / "run")
    run.save_recipe()
    return run


class Made:
    """How many traces were measured, and how many answers graded, since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.measured, self.graded = 0, 0
        self.counted = 0  # traces in which the markers of a lexicon were counted
        measure, entries = Measuring.rows, EpistemicMarkers._entries

        def rows(measuring: Measuring, work: Work) -> pl.DataFrame:
            self.measured += int((~work.found).sum())
            return measure(measuring, work)

        def counting(markers: EpistemicMarkers, frame: pl.DataFrame, *args: Any) -> list[pl.Series]:
            self.counted += frame.height * len(markers.lexicons)
            return entries(markers, frame, *args)

        def graded(tasks: Any, parts: Any, folder: Path) -> Iterator[dict[str, Any]]:
            def counted() -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
                for part, known in parts:
                    self.graded += part.height - known.height
                    yield part, known

            return grade_traces(tasks, counted(), folder)

        monkeypatch.setattr(Measuring, "rows", rows)
        monkeypatch.setattr(EpistemicMarkers, "_entries", counting)
        monkeypatch.setattr("infogap.verify.grade_run.grade_traces", graded)

    def since(self) -> tuple[int, int]:
        counts = self.measured, self.graded
        self.measured, self.graded = 0, 0
        return counts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(before=TRACES_OF_RUN, after=TRACES_OF_RUN, appended=st.booleans(), answer=st.sampled_from(["5", "6"]))
def test_tables_are_as_if_made_from_nothing(
    tmp_path: Path, before: list[Trace], after: list[Trace], appended: bool, answer: str
) -> None:
    run = new_run(tmp_path / "grown")
    after = with_more(before, after) if appended else after
    for traces, gold in ((before, "5"), (after, answer)):
        write_tables(run, traces, gold)
        make(run)
    fresh = new_run(tmp_path / "fresh")
    write_tables(fresh, after, answer)
    make(fresh)
    assert tables(run) == tables(fresh)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(before=TRACES_OF_RUN, after=TRACES_OF_RUN, appended=st.booleans(), first=_MEASURES, second=_MEASURES)
def test_measures_are_as_if_made_from_nothing_under_other_settings(
    tmp_path: Path, before: list[Trace], after: list[Trace], appended: bool, first: str, second: str
) -> None:
    run = new_run(tmp_path / "grown", first)
    after = with_more(before, after) if appended else after
    for traces, measure in ((before, first), (after, second)):
        run = with_measure(tmp_path / "grown", measure)
        write_tables(run, traces)
        MEASURE.make(run)
    fresh = new_run(tmp_path / "fresh", second)
    write_tables(fresh, after)
    MEASURE.make(fresh)
    assert tables(run) == tables(fresh)


MANY = [(number, _TEXTS[number % 4], bool(number % 2)) for number in range(10)]


def test_only_added_and_changed_traces_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = new_run(tmp_path), Made(monkeypatch)
    write_tables(run, MANY)
    make(run)
    assert made.since() == (10, 10)
    write_tables(run, [*MANY, (10, _TEXTS[0], False)])
    make(run)
    assert made.since() == (1, 1)
    write_tables(run, [(0, "other", False), *MANY[1:]])
    make(run)
    assert made.since() == (1, 1)


def test_whole_parts_are_moved_without_a_look_at_their_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, looked = new_run(tmp_path), [0]
    write_tables(run, MANY)
    make(run)
    keys_of = former_rows.row_keys

    def counted(rows: Any) -> Any:
        keys = keys_of(rows)
        looked[0] += len(keys)
        return keys

    monkeypatch.setattr(measure_traces, "row_keys", counted)
    monkeypatch.setattr(verify_traces, "row_keys", counted)
    for last, expected in ((10, 2 * 2), (10, 2 * 2), (11, 2 * 3)):  # of parts of 3, the last one has 2 rows
        write_tables(run, [*MANY, *((number, _TEXTS[0], False) for number in range(10, last + 1))])
        looked[0] = 0
        make(run)
        assert looked[0] == expected


def test_another_gold_answer_is_graded_and_measured_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = new_run(tmp_path), Made(monkeypatch)
    write_tables(run, MANY)
    make(run)
    made.since()
    write_tables(run, MANY, "6")
    make(run)
    assert made.since() == (10, 10)


def test_other_settings_reuse_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = new_run(tmp_path), Made(monkeypatch)
    write_tables(run, MANY)
    make(run)
    made.since()
    make(with_measure(tmp_path, "fork_entropy: 0.5"))
    assert made.since() == (10, 0)


def test_of_another_lexicon_only_its_own_markers_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = new_run(tmp_path), Made(monkeypatch)
    write_tables(run, MANY)
    make(run)
    assert (made.since(), made.counted) == ((10, 10), 20)
    make(with_measure(tmp_path, "lexicons: [infogap, kim2026, own.yaml]"))
    assert (made.since(), made.counted) == ((0, 0), 30)
    make(with_measure(tmp_path, "lexicons: [own.yaml, kim2026]"))
    make(with_measure(tmp_path, "lexicons: [own.yaml], bands: {mixed: 1, uncertain: 2}"))
    assert (made.since(), made.counted) == ((0, 0), 30)


def test_one_more_measure_leaves_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = new_run(tmp_path), Made(monkeypatch)
    write_tables(run, MANY)
    make(run)
    made.since()
    make(with_measure(tmp_path, "measures: ['length:length']"))
    assert made.since() == (0, 0)
    make(with_measure(tmp_path, ""))
    assert made.since() == (0, 0)


@pytest.mark.parametrize("damage", ["part", "keys", "no keys", "swapped"])
def test_what_is_damaged_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    run, made = new_run(tmp_path / "one"), Made(monkeypatch)
    write_tables(run, MANY)
    make(run)
    sound = tables(run)
    made.since()
    for table in (VERDICTS, MEASURES):
        folder = run.path / table.name
        keys, part = folder / "cache" / "keys.parquet", folder / "part-00000.parquet"
        if damage == "part":
            part.write_bytes(part.read_bytes()[:-9] + b"123456789")
        elif damage == "keys":
            keys.write_bytes(keys.read_bytes()[:40])
        elif damage == "no keys":
            keys.unlink()
        else:
            shutil.copy(folder / "part-00001.parquet", part)
    make(run)
    assert tables(run) == sound
    assert made.since() == ((3, 3) if damage in ("part", "swapped") else (10, 10))


def test_a_killed_run_still_has_its_former_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, made = new_run(tmp_path), Made(monkeypatch)
    write_tables(run, MANY)
    make(run)
    sound = tables(run)
    made.since()
    with monkeypatch.context() as killed:
        killed.setattr(run_folder.TableWriter, "finish", _raise)
        with pytest.raises(KeyboardInterrupt):
            MEASURE.make(run)
    assert tables(run) != sound
    made.since()
    make(run)
    assert made.since() == (0, 0)
    assert tables(run) == sound
    assert [path.name for path in (run.path / MEASURES.name / "cache").iterdir()] == ["keys.parquet"]


def _raise(*_: object) -> None:
    raise KeyboardInterrupt
