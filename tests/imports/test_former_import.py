"""An import of sources that have grown or changed is the one made from nothing, and only new rows are read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imports.small_imports import SUM, table_of
from infogap.console import speaking
from infogap.errors import InputError
from infogap.imports import STAGE, former_import, import_traces
from infogap.rows import row_blocks
from infogap.runs import block_cache, run_folder
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import CONTEXTS, STATED_VERDICTS, TRACES
from infogap.tasks import STAGE as TASKS_STAGE
from infogap.tasks import field_rows
from tasks.small_recipes import import_run, write_jsonl

_COLUMNS = "{trace: text, context: shown, stated_verdict: right, finish_reason: end}"
SOURCES = "\n".join(
    f"  - {{from: {name}.jsonl, columns: {_COLUMNS}, invalid: skip, privilege: answer}}" for name in ("a", "b")
)
_TEXTS = ("<think>Hmm.</think>So 2.", "So 2.", "", "<think>Never", ["One: 2.", ""], ["2", "2", "3"], "<x>2</x>")
ROW = st.builds(
    lambda text, shown, right, end, question: {
        **SUM,
        "question": question,
        "text": text,
        "shown": shown,
        "right": right,
        "end": end,
    },
    st.sampled_from(_TEXTS),
    st.sampled_from([None, "It is 2.", "It is two."]),
    st.sampled_from([None, "true"]),
    st.sampled_from([None, "stop", "length", "odd"]),
    st.sampled_from(["What is 1 + 1?", "And 2 + 0?", None]),
)
ROWS = st.lists(ROW, max_size=10)
MANY = [
    {**SUM, "text": f"<think>{number % 4}</think>So 2.", "shown": f"It is {number % 3}.", "right": "true", "end": "x"}
    for number in range(12)
]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "ROWS_PER_BLOCK", 3)
    monkeypatch.setattr(block_cache, "WORTH_KEEPING", 1)
    for module in (run_folder, import_traces, former_import):
        monkeypatch.setattr(module, "ROWS_PER_PART", 2)


def new_run(folder: Path, *files: list[dict[str, Any]]) -> Run:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write(folder, *files)
    return import_run(folder, SOURCES)


def write(folder: Path, *files: list[dict[str, Any]]) -> None:
    for name, rows in zip("ab", files, strict=False):
        write_jsonl(folder / f"{name}.jsonl", rows)


def make(run: Run) -> Outcome | str:
    try:
        TASKS_STAGE.make(run)
        return STAGE.make(run)
    except InputError as error:
        return str(error)


def files(run: Run) -> dict[str, bytes]:
    """The files of the import's tables, without caches."""
    folders = [run.path / table.name for table in (TRACES, CONTEXTS, STATED_VERDICTS)]
    paths = [path for folder in folders for path in folder.glob("*") if path.is_file()]
    return {str(path.relative_to(run.path)): path.read_bytes() for path in paths}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(first=st.tuples(ROWS, ROWS), second=st.tuples(ROWS, ROWS), third=ROWS, appended=st.sets(st.integers(0, 1)))
def test_an_import_is_as_if_made_from_nothing(
    tmp_path: Path,
    first: tuple[list[dict[str, Any]], ...],
    second: tuple[list[dict[str, Any]], ...],
    third: list[dict[str, Any]],
    appended: set[int],
) -> None:
    grown = new_run(tmp_path / "grown", *first)
    make(grown)
    then = [[*first[file], *rows] if file in appended else rows for file, rows in enumerate(second)]
    write(tmp_path / "grown", *then)
    make(grown)
    last = [then[0], [*then[1], *third]]
    write(tmp_path / "grown", *last)
    fresh = new_run(tmp_path / "fresh", *last)
    made, expected = make(grown), make(fresh)
    if isinstance(made, Outcome) and isinstance(expected, Outcome):
        assert (made.rows, made.counts, made.notes) == (expected.rows, expected.counts, expected.notes)
        assert files(grown) == files(fresh)
    else:
        assert made == expected


class Read:
    """How many rows were read by the import since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = 0
        values_of = field_rows.FieldRows.values_of

        def counted(fields: field_rows.FieldRows, *args: Any) -> Iterator[field_rows.Values]:
            for values in values_of(fields, *args):
                self.rows += "trace" in values[2]
                yield values

        monkeypatch.setattr(field_rows.FieldRows, "values_of", counted)

    def since(self) -> int:
        rows, self.rows = self.rows, 0
        return rows


def test_only_new_rows_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = new_run(tmp_path / "one", MANY, MANY[:3]), Read(monkeypatch)
    make(run)
    assert read.since() == 15
    before = table_of(run, TRACES)
    for step in range(1, 4):  # in a file's last block, of which all rows are read again, and in a new one
        write(tmp_path / "one", MANY, MANY[: 3 + step])
        make(run)
        assert read.since() == step
    assert table_of(run, TRACES)[:15].equals(before) and table_of(run, TRACES).height == 18
    make(run)
    assert read.since() == 0
    write(tmp_path / "one", [*MANY[:4], *MANY[5:]], MANY[:6])
    make(run)
    assert read.since() == 14  # all after the first block that has changed


@pytest.mark.parametrize("damage", ["traces", "contexts", "blocks", "parts"])
def test_what_is_damaged_is_said_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run, read = new_run(tmp_path / "one", MANY, MANY[:3]), Read(monkeypatch)
    make(run)
    sound = files(run)
    read.since()
    cache = run.path / "traces" / "cache" / "imported"
    path = {
        "traces": run.path / "traces" / "part-00002.parquet",
        "contexts": run.path / "contexts" / "part-00001.parquet",
        "blocks": sorted((cache / "blocks").glob("*.parquet"))[0],
        "parts": cache / "parts.json",
    }[damage]
    path.write_bytes(path.read_bytes()[:-3])
    capsys.readouterr()
    with speaking(quiet=False):
        make(run)
    assert files(run) == sound and read.since() >= 3
    assert "damaged" in capsys.readouterr().err.replace(str(tmp_path), "")


def test_a_killed_import_is_made_again_from_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = new_run(tmp_path / "one", MANY, MANY[:3]), Read(monkeypatch)
    make(run)
    sound = files(run)
    read.since()
    with monkeypatch.context() as killed:
        killed.setattr(run_folder.TableWriter, "finish", _raise)
        with pytest.raises(KeyboardInterrupt):
            STAGE.make(run)
    assert files(run) != sound
    read.since()
    make(run)
    assert files(run) == sound and read.since() == 0
    left = [path.name for path in (run.path / "traces" / "cache" / "imported").iterdir()]
    assert sorted(left) == ["blocks", "parts.json"]


def _raise(*_: object) -> None:
    raise KeyboardInterrupt


def test_other_settings_of_a_source_read_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = new_run(tmp_path / "one", MANY, MANY[:3]), Read(monkeypatch)
    make(run)
    read.since()
    other = SOURCES.replace("from: b.jsonl, columns", "from: b.jsonl, teacher: other, columns")
    make(import_run(tmp_path / "one", other))
    assert read.since() == 3
    make(import_run(tmp_path / "one", other.replace("privilege: answer", "privilege: solution")))
    assert read.since() == 15
