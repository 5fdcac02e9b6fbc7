"""Worked solutions are graded against the gold answers, so that a wrong column shows before money is spent."""

from __future__ import annotations

from pathlib import Path

import pytest

from infogap.cli.task_preview import preview
from infogap.recipe import load_recipe
from infogap.tasks import STAGE
from infogap.tasks.task_checks import check_sources, solution_agreement
from tasks.small_recipes import task_recipe, task_run, write_jsonl

_GOOD = """\
  - {from: sums.jsonl, where: family = 'x'}
  - {from: org/name, config: main, revision: v1}
  - {from: reasoning_gym, names: [chain_sum], count: 2, level: 1, config: {chain_sum: {max_terms: 3}}}"""

_ROW = {"question": "What is 1 + 1?", "answer": "2", "family": "x"}


def test_good_sources_have_no_problem(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "sums.jsonl", [_ROW])
    assert check_sources(task_recipe(tmp_path, _GOOD)) == []


@pytest.mark.parametrize(
    ("source", "path", "message"),
    [
        ("{from: sum.jsonl}", "from", "sum.jsonl (did you mean 'sums.jsonl'?)"),
        ("{from: no/such/folder.jsonl}", "from", "there is no folder"),
        ("{from: ./sums}", "from", "there is no file"),
        ("{from: none.jsonl}", "from", "none.jsonl has no rows"),
        ("{from: sums.txt}", "from", "unknown file type '.txt'; known: .jsonl, .json, .csv, .parquet"),
        ("{from: sums.jsonl, where: famly = 'x'}", "where", 'unable to find column "famly"'),
        ("{from: sums.jsonl, config: main}", "config", "`config` is for datasets, and sums.jsonl is a file"),
        ("{from: reasoning_gym, names: [gcd, lmc], count: 1}", "names[1]", "(did you mean 'lcm'?)"),
        ("{from: reasoning_gym, names: [gcd], count: 1, level: 50}", "level", "'gcd' has levels 0 to"),
        ("{from: reasoning_gym, names: [gcd], count: 1, config: {gdc: {}}}", "config.gdc", "(did you mean 'gcd'?)"),
        (
            "{from: reasoning_gym, names: [gcd], count: 1, config: {gcd: {min_number: 1}}}",
            "config.gcd.min_number",
            "(did you mean 'min_numbers'?); allowed: ",
        ),
        (
            "{from: reasoning_gym, names: [gcd], count: 1, config: {gcd: {min_value: 50, max_value: 2}}}",
            "config.gcd",
            "cannot make 'gcd' with these settings",
        ),
    ],
)
def test_problems_name_their_place(tmp_path: Path, source: str, path: str, message: str) -> None:
    write_jsonl(tmp_path / "sums.jsonl", [_ROW])
    (tmp_path / "none.jsonl").touch()
    (tmp_path / "sums.txt").touch()
    (problem,) = check_sources(task_recipe(tmp_path, f"  - {{from: sums.jsonl}}\n  - {source}"))
    assert problem.where == f"{tmp_path / 'recipe.yaml'}:5"
    assert problem.path == f"tasks[1].{path}"
    assert message in problem.message


def test_imports_are_checked_too(tmp_path: Path) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("name: trial\nimport:\n  - from: traces.jsonl\n    columns: {trace: text}\n")
    (problem,) = check_sources(load_recipe(file))
    assert str(problem).startswith(f"{file}:3: import[0].from: there is no file {tmp_path / 'traces.jsonl'}")


def test_solutions_are_graded_as_traces_are(tmp_path: Path) -> None:
    rows = [{"question": f"What is {n} + 1?", "answer": n + 1, "s": f"So it is \\boxed{{{n + 1}}}."} for n in range(4)]
    rows += [
        {"question": "What is 9 + 1?", "answer": 10, "s": "So it is \\boxed{11}."},
        {"question": "What is 8 + 1?", "answer": 9, "s": "Add one to eight and you have it."},
        {"question": "What is 7 + 1?", "answer": 8, "s": None},
    ]
    write_jsonl(tmp_path / "a.jsonl", rows)
    run = task_run(tmp_path, "  - {from: a.jsonl, columns: {solution: s}, verifier: numeric}")
    STAGE.make(run)
    found = solution_agreement(run)
    assert found is not None
    assert (found.solutions, found.graded) == (6, 6)
    assert found.verdicts == {"correct": 4, "no_answer": 1, "wrong": 1}
    assert [(row["answer"], row["extracted_answer"]) for row in found.wrong] == [("10", "11")]
    lines = found.lines()
    assert lines[0] == "worked solutions: 4 of 6 end in the gold answer; 1 end in another answer; 1 state none"
    assert not found.doubtful


def test_a_column_that_is_not_the_gold_answer_shows(tmp_path: Path) -> None:
    rows = [{"question": f"What is {n} + 1?", "id": 100 + n, "s": f"So \\boxed{{{n + 1}}}."} for n in range(3)]
    write_jsonl(tmp_path / "a.jsonl", rows)
    run = task_run(tmp_path, "  - {from: a.jsonl, columns: {solution: s, answer: id}, verifier: numeric}")
    STAGE.make(run)
    found = solution_agreement(run)
    assert found is not None
    assert found.doubtful
    assert "may be mapped to the wrong column" in found.lines()[-1]


def test_a_few_tasks_as_they_were_read(tmp_path: Path) -> None:
    question = "Which is even?\nA) 3\nB) 4\n" + "Give the letter. " * 30 + "Thank you."
    write_jsonl(tmp_path / "a.jsonl", [{"question": question, "answer": "(b)", "s": "Four is even."}])
    write_jsonl(tmp_path / "b.jsonl", [{"question": f"What is {n} + 1?", "answer": n + 1} for n in range(5)])
    sources = "  - {from: a.jsonl, verifier: choice, columns: {solution: s}}\n  - {from: b.jsonl}"
    run = task_run(tmp_path, sources)
    STAGE.make(run)
    found = preview(run)
    assert len(found.tasks) == 3
    first = next(task for task in found.tasks if task.source == "a.jsonl")
    assert (first.answer, first.options, first.contexts) == ("B", {"A": "3", "B": "4"}, {"unguided": "(nothing)"})
    text = "\n".join(found.lines())
    assert "Thank you." in text
    assert "A: 3; B: 4" in text
    assert found.as_json()["examples"][0]["question"]
