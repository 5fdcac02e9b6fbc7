"""Tasks of a source that has grown or changed are those that are gathered from nothing, and only new rows are read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infogap.console import speaking
from infogap.errors import InputError
from infogap.rows import row_blocks
from infogap.runs import block_cache
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.tasks import STAGE, field_rows, revealing_questions
from tasks.small_recipes import import_run, write_jsonl

SOURCE = "  - {from: a.jsonl, columns: {question: ask.text, solution: worked, trace: text}, invalid: skip}"
_QUESTIONS = (
    "What is 1 + 1?",
    "What is 2 + 2? The answer is 4.",
    "",
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "And 3 + 3?"}],
)
ROW = st.builds(
    lambda question, answer, worked: {"ask": {"text": question}, "answer": answer, "text": "t"} | worked,
    st.sampled_from(_QUESTIONS),
    st.sampled_from(["2", "4", None, "\\boxed{6}"]),
    st.sampled_from([{}, {"worked": "Add them."}, {"worked": None}]),
)
ROWS = st.lists(ROW, max_size=12)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "ROWS_PER_BLOCK", 3)
    monkeypatch.setattr(block_cache, "WORTH_KEEPING", 1)
    monkeypatch.setattr(revealing_questions, "_AT_ONCE", 2)


def make(run: Run) -> Outcome | str:
    try:
        return STAGE.make(run)
    except InputError as error:
        return str(error)


def files(run: Run) -> dict[str, bytes]:
    """The files of the stage, without its caches."""
    return {path.name: path.read_bytes() for path in (run.path / "tasks").glob("*") if path.is_file()}


def new_run(folder: Path, rows: list[dict[str, Any]]) -> Run:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_jsonl(folder / "a.jsonl", rows)
    return import_run(folder, SOURCE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(before=ROWS, after=ROWS, appended=st.booleans())
def test_tasks_are_as_if_gathered_from_nothing(
    tmp_path: Path, before: list[dict[str, Any]], after: list[dict[str, Any]], appended: bool
) -> None:
    after = [*before, *after] if appended else after
    grown = new_run(tmp_path / "grown", before)
    make(grown)
    write_jsonl(tmp_path / "grown" / "a.jsonl", after)
    fresh = new_run(tmp_path / "fresh", after)
    made, expected = make(grown), make(fresh)
    if isinstance(made, Outcome) and isinstance(expected, Outcome):
        assert made.counts == expected.counts and files(grown) == files(fresh)
        assert [note.replace(str(grown.path), str(fresh.path)) for note in made.notes] == expected.notes
    else:
        assert made == expected


class Read:
    """How many rows were read, and tasks searched for their answer, since it was last asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows, self.searched = 0, 0
        values_of, holds_answer = field_rows.FieldRows.values_of, revealing_questions.holds_answer

        def counted(fields: field_rows.FieldRows, *args: Any) -> Iterator[field_rows.Values]:
            for values in values_of(fields, *args):
                self.rows += 1
                yield values

        def searched(question: str, answer: str) -> bool:
            self.searched += 1
            return holds_answer(question, answer)

        monkeypatch.setattr(field_rows.FieldRows, "values_of", counted)
        monkeypatch.setattr(revealing_questions, "holds_answer", searched)

    def since(self) -> tuple[int, int]:
        counts = self.rows, self.searched
        self.rows, self.searched = 0, 0
        return counts


MANY = [
    {"ask": {"text": f"What is {number} + 1?"}, "answer": str(number + 1), "worked": "Add.", "text": "t"}
    for number in range(12)
]


def test_only_new_rows_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = new_run(tmp_path / "one", MANY), Read(monkeypatch)
    make(run)
    assert read.since() == (12, 12)
    more = {**MANY[0], "ask": {"text": "What else?"}}
    write_jsonl(tmp_path / "one" / "a.jsonl", [*MANY, more])
    make(run)
    assert read.since() == (1, 1)
    write_jsonl(tmp_path / "one" / "a.jsonl", [*MANY[:3], more, *MANY[4:], more])
    make(run)
    assert read.since() == (3, 2)  # of the blocks that have changed


def test_damaged_caches_are_said_and_tasks_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run, read = new_run(tmp_path / "one", MANY), Read(monkeypatch)
    make(run)
    sound = files(run)
    for path in (run.path / "tasks" / "cache").rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:-1])
    read.since()
    with speaking(quiet=False):
        make(run)
    assert read.since() == (12, 12) and files(run) == sound
    said = " ".join(capsys.readouterr().err.split())
    assert "4 files were damaged" in said and "6 files were damaged" in said


def test_a_column_that_no_row_has_any_more_is_named(tmp_path: Path) -> None:
    run = new_run(tmp_path / "one", [*({**row, "worked": None} for row in MANY[:3]), *MANY[:1]])
    assert isinstance(make(run), Outcome)
    rows = [{key: value for key, value in row.items() if key != "worked"} for row in MANY[:9]]
    for several in (rows, rows[:3]):
        write_jsonl(tmp_path / "one" / "a.jsonl", several)
        assert str(make(run)).startswith("a.jsonl: no row has 'worked'; its columns are ask, answer, text")


def test_other_settings_read_the_rows_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, read = new_run(tmp_path / "one", MANY), Read(monkeypatch)
    make(run)
    read.since()
    other = import_run(tmp_path / "one", SOURCE.replace("ask.text", "answer"))
    make(other)
    assert read.since()[0] == 12
