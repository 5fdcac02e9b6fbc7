"""The tasks stage: rows become tasks, and rows that do not are counted and listed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.errors import InputError
from infogap.ids import stable_id
from infogap.runs.manifest import describe_files
from infogap.tasks import STAGE
from tasks.small_recipes import import_run, task_run, tasks_of, write_jsonl

ROW = {"question": "What is 1 + 1?", "answer": "2"}


def _ask(number: int, **more: Any) -> dict[str, Any]:
    return {"question": f"What is {number} + 1?", "answer": str(number + 1), **more}


def test_a_row_becomes_a_task(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sums.jsonl", [_ask(1, how="Add.", kind="sum", level=3)])
    run = task_run(
        tmp_path, "  - {from: sums.jsonl, columns: {solution: how, family: kind, difficulty: level}, verifier: exact}"
    )
    outcome = STAGE.make(run)
    assert outcome.rows == 1
    assert outcome.notes == []
    assert tasks_of(run).to_dicts() == [
        {
            "task_id": stable_id("What is 1 + 1?", "2", "exact"),
            "source": "sums.jsonl",
            "family": "sum",
            "difficulty": "3",
            "question": "What is 1 + 1?",
            "answer": "2",
            "solution": "Add.",
            "verifier": "exact",
            "metadata": '{"row":1}',
        }
    ]


@pytest.mark.parametrize("as_text", [True, False])
def test_structs_and_json_text_give_the_same_tasks(tmp_path: Path, as_text: bool) -> None:
    chat = [{"role": "user", "content": "What is 1 + 1? Box it."}]
    row = {"prompt": chat, "reward": {"truth": 2}, "info": {"level": 1.0}}
    write_jsonl(tmp_path / "rl.jsonl", [{k: json.dumps(v) if as_text else v for k, v in row.items()}])
    run = task_run(
        tmp_path,
        "  - {from: rl.jsonl, strip_suffix: [Box it., What else], "
        "columns: {question: 'prompt[0].content', answer: reward.truth, difficulty: info.level}}",
    )
    STAGE.make(run)
    task = tasks_of(run).row(0, named=True)
    assert (task["question"], task["answer"], task["difficulty"], task["family"]) == (
        "What is 1 + 1?",
        "2",
        "1",
        "rl",
    )


def test_suffixes_go_as_often_as_they_stand_there(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": "Q? A.\n B. A. \n", "answer": "1"}])
    run = task_run(tmp_path, "  - {from: a.jsonl, strip_suffix: [A., B.]}")
    STAGE.make(run)
    assert tasks_of(run)["question"].to_list() == ["Q?"]


def test_constants_stand_where_no_column_says_it(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [_ask(1, kind="x"), _ask(2, kind=None), _ask(3)])
    write_jsonl(tmp_path / "b.jsonl", [_ask(4)])
    run = task_run(
        tmp_path, "  - {from: a.jsonl, columns: {family: kind}, family: sums, difficulty: 2}\n  - {from: b.jsonl}"
    )
    STAGE.make(run)
    assert tasks_of(run)["family"].to_list() == ["x", "sums", "sums", "b"]
    assert tasks_of(run)["difficulty"].to_list() == ["2", "2", "2", None]


def test_rejected_rows_are_listed_with_row_and_reason(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        ROW,
        {"question": " ", "answer": "2"},
        {"question": "Why?", "answer": None},
        {"question": [1], "answer": "2"},
        {"question": "Long?", "answer": "9" * 2_001},
    ]
    write_jsonl(tmp_path / "a.jsonl", rows)
    run = task_run(tmp_path, "  - {from: a.jsonl}")
    outcome = STAGE.make(run)
    listed = pl.read_parquet(run.path / "tasks" / "rejected.parquet").rows()
    assert listed == [
        ("a.jsonl", 2, "no question", None),
        ("a.jsonl", 3, "no answer", "Why?"),
        ("a.jsonl", 4, "the question is not text", "[1]"),
        ("a.jsonl", 5, "the answer has more than 2,000 characters", "Long?"),
    ]
    assert outcome.rows == 1
    assert outcome.counts["sources"][0]["left_out"] == {reason: 1 for _, _, reason, _ in listed}
    assert len(outcome.notes) == 1
    assert str(run.path / "tasks" / "rejected.parquet") in outcome.notes[0]


def test_invalid_rows_can_be_an_error(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [ROW, *({"question": "Why?", "answer": None} for _ in range(5))])
    with pytest.raises(InputError) as caught:
        STAGE.make(task_run(tmp_path, "  - {from: a.jsonl, invalid: error}"))
    assert str(caught.value).startswith("a.jsonl: row 2: no answer; row 3: no answer; row 4: no answer; and 2 more;")


def test_rejected_rows_of_an_earlier_making_are_gone(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [ROW, {"question": "Why?", "answer": None}])
    run = task_run(tmp_path, "  - {from: a.jsonl}")
    STAGE.make(run)
    write_jsonl(tmp_path / "a.jsonl", [ROW])
    STAGE.make(run)
    assert [path.name for path in (run.path / "tasks").iterdir()] == ["part-00000.parquet"]


def test_duplicates_are_merged_and_completed(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [_ask(1, how=None), _ask(2), _ask(1, how="First."), _ask(1, how="Second.")])
    write_jsonl(tmp_path / "b.jsonl", [_ask(2, kind="sums"), _ask(3, kind="sums")])
    run = task_run(
        tmp_path, "  - {from: a.jsonl, columns: {solution: how}}\n  - {from: b.jsonl, columns: {family: kind}}"
    )
    outcome = STAGE.make(run)
    tasks = tasks_of(run)
    assert tasks.select("source", "solution", "family").rows() == [
        ("a.jsonl", "First.", "a"),
        ("a.jsonl", None, "sums"),
        ("b.jsonl", None, "sums"),
    ]
    assert [source["merged"] for source in outcome.counts["sources"]] == [2, 0]
    assert outcome.counts["merged_between_sources"] == 1


def test_other_answers_to_a_question_are_kept_and_counted(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [ROW, ROW | {"answer": "3"}, _ask(4)])
    outcome = STAGE.make(task_run(tmp_path, "  - {from: a.jsonl}"))
    assert (outcome.rows, outcome.counts["conflicting_questions"]) == (3, 1)
    assert "'What is 1 + 1?'" in outcome.notes[0]


def test_where_and_limit_are_counted(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [_ask(n, level=n % 4) for n in range(12)])
    run = task_run(
        tmp_path,
        "  - {from: a.jsonl, columns: {difficulty: level}, where: CAST(difficulty AS INT) >= 2, limit: 4}",
    )
    outcome = STAGE.make(run)
    assert set(tasks_of(run)["difficulty"]) <= {"2", "3"}
    assert outcome.rows == 4
    assert outcome.counts["sources"][0]["left_out"] == {"left out by `limit`": 2, "left out by `where`": 6}


def test_a_source_that_gives_no_task_is_an_error_that_says_why(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [ROW, ROW])
    with pytest.raises(InputError, match="none of its 2 rows gives a task: 2 left out by `where`"):
        STAGE.make(task_run(tmp_path, "  - {from: a.jsonl, where: family = 'x'}"))


@pytest.mark.parametrize("rows", [[], [{"question": "Q?", "answr": "1"}]])
def test_a_column_that_no_row_has_is_an_error(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    write_jsonl(tmp_path / "a.jsonl", rows)
    with pytest.raises(InputError, match="has no rows" if not rows else "did you mean 'answr'"):
        STAGE.make(task_run(tmp_path, "  - {from: a.jsonl}"))


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [_ask(n) for n in range(30)])
    run = task_run(tmp_path, "  - {from: a.jsonl, limit: 7}\n  - {from: reasoning_gym, names: [gcd], count: 3}")
    made = []
    for _ in range(2):
        STAGE.make(run)
        made.append(describe_files(run.path, sorted((run.path / "tasks").iterdir())))
    assert made[0] == made[1]


def test_the_part_follows_settings_bytes_and_seed(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [_ask(1)])
    plain = STAGE.part(task_run(tmp_path, "  - {from: a.jsonl}"))
    assert "seed" not in plain
    assert STAGE.part(task_run(tmp_path, "  - {from: a.jsonl}", seed=6)) == plain
    limited = STAGE.part(task_run(tmp_path, "  - {from: a.jsonl, limit: 1}"))
    assert limited["seed"] == 5
    write_jsonl(tmp_path / "a.jsonl", [_ask(2)])
    changed = STAGE.part(task_run(tmp_path, "  - {from: a.jsonl}"))
    assert changed["tasks[0]"]["sha256"] != plain["tasks[0]"]["sha256"]
    gym = STAGE.part(task_run(tmp_path, "  - {from: reasoning_gym, names: [gcd], count: 3}"))
    assert set(gym) == {"tasks[0]", "seed"}
    assert gym["tasks[0]"]["reasoning_gym"]


def test_the_part_of_an_import_leaves_the_traces_columns_out(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [_ask(1, text="2")])
    one = STAGE.part(import_run(tmp_path, "  - {from: a.jsonl, columns: {trace: text}, teacher: x}"))
    other = STAGE.part(import_run(tmp_path, "  - {from: a.jsonl, columns: {response: text}, privilege: answer}"))
    assert one == other
    assert one["import[0]"]["columns"]["question"] == "question"


def test_a_folder_of_files_is_read_as_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    data.mkdir()
    pl.DataFrame({"q": [{"text": f"Q{n}?"} for n in range(3)], "answer": [1.0, None, 3.0]}).write_parquet(
        data / "train.parquet"
    )
    source = "  - {from: data, columns: {question: q.text}}"
    run = task_run(tmp_path, source)
    outcome = STAGE.make(run)
    assert tasks_of(run).select("question", "answer", "family").rows() == [
        ("Q0?", "1", "data"),
        ("Q2?", "3", "data"),
    ]
    assert outcome.counts["sources"][0]["left_out"] == {"no answer": 1}
    assert STAGE.part(run)["tasks[0]"]["sha256"]
    with pytest.raises(InputError, match='data: Unknown split "test"'):
        STAGE.make(task_run(tmp_path, source.replace("}}", "}, split: test}")))
    with pytest.raises(InputError, match=r"no row has 'answr' \(did you mean 'answer'\?\)"):
        STAGE.make(task_run(tmp_path, "  - {from: data, columns: {question: q.text, answer: answr}}"))


def test_gsm8ks_solution_is_not_the_gold_answer(tmp_path: Path) -> None:
    rows = [{"question": "How many hens?", "answer": "4 + 5 = <<4+5=9>>9 hens.\n#### 9"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    run = task_run(tmp_path, "  - {from: rows.jsonl, columns: {question: question, answer: answer, solution: answer}}")
    STAGE.make(run)
    tasks = tasks_of(run)
    assert tasks["answer"].to_list() == ["9"]
    assert tasks["solution"].to_list() == [rows[0]["answer"]]


def test_options_of_a_column_stand_in_the_question(tmp_path: Path) -> None:
    rows = [
        {"q": "How far?", "choices": ["A)3 km", "B)4 km"], "a": "4 km"},
        {"q": "How long?", "choices": ["3 h"], "a": "A"},
        {"q": "How much?", "choices": ["3 kg", "4 kg"], "a": "a"},
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    columns = "columns: {question: q, answer: a, options: choices}"
    run = task_run(tmp_path, f"  - {{from: rows.jsonl, verifier: choice, {columns}}}")
    outcome = STAGE.make(run)
    tasks = tasks_of(run)
    assert tasks.select("question", "answer").rows() == [
        ("How far?\nA) 3 km\nB) 4 km", "B"),
        ("How much?\nA) 3 kg\nB) 4 kg", "A"),
    ]
    assert any("options" in note for note in outcome.notes)


def test_columns_of_programs_do_not_make_runs_of_other_tasks_stale(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": "What is 1 + 1?", "answer": "2"}])
    columns = STAGE.part(task_run(tmp_path, "  - from: a.jsonl"))["tasks[0]"]["columns"]
    assert columns.keys() == {"question", "answer", "solution", "family", "difficulty", "options"}


@pytest.mark.parametrize("verifier", ["consensus", "judge"])
def test_of_tasks_without_gold_answers_it_is_said_what_grades_them(tmp_path: Path, verifier: str) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"question": f"Why {n}?"} for n in range(2)])
    judge = "\nverify: {judge: {by: {backend: embedded}}}" if verifier == "judge" else ""
    run = task_run(tmp_path, f"  - {{from: a.jsonl, columns: {{answer: null}}, verifier: {verifier}}}{judge}")
    assert (
        f"no gold answer, so none to show a teacher; `{verifier}` grades them all the same: a" in STAGE.make(run).notes
    )
