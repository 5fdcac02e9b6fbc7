"""Measures of other packages and of the recipe's folder: from the recipe to what is published."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from infogap.errors import InputError
from infogap.measure import STAGE
from infogap.measure.load_measures import OWN, load_measure, own_measures
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES

_PAGE = (Path(__file__).parents[2] / "docs" / "extending.md").read_text("utf-8")
_SECTION = _PAGE.partition("## A measure")[2].partition("\n## ")[0]
_RECIPE = """
name: mine
import:
  - from: traces.jsonl
    columns: {question: q, answer: gold, trace: text, privilege: condition}
    verifier: exact
"""
_TEXTS = {
    "unguided": ["Is it 3? Is it 4? So: 5", "Why? Hmm. The answer is 5"],
    "answer": ["It is 5", "Clear? The answer is 5. That is all that there is to say of it, as anybody sees at once"],
}
_MODULE = """
import polars as pl


class Length:
    columns = {"letters": pl.Int64}
    version = 1

    def measure(self, frame):
        return frame.select("trace_id", letters=pl.col("text").str.len_chars())


LENGTH = Length()
"""


def _block(language: str) -> str:
    (block,) = re.findall(rf"```{language}\n(.*?)```", _SECTION, re.DOTALL)
    return str(block)


def _write_traces(folder: Path) -> None:
    rows = [
        {"q": f"What is {task} + {5 - task}?", "gold": "5", "text": text, "condition": condition}
        for task in range(3)
        for condition, texts in _TEXTS.items()
        for text in texts
    ]
    (folder / "traces.jsonl").write_text("\n".join(json.dumps(row) for row in rows))


def _infogap(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "infogap", *arguments]
    environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def test_the_package_of_the_docs_from_its_recipe_to_the_report(tmp_path: Path) -> None:
    assert len(_block("python").splitlines()) <= 25
    project = tomllib.loads(_block("toml"))["project"]
    metadata = tmp_path / "site" / f"trace_questions-{project['version']}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    ((group, entries),) = project["entry-points"].items()
    (metadata / "entry_points.txt").write_text(f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in entries.items()))
    (tmp_path / "site" / "trace_questions.py").write_text(_block("python"))
    (tmp_path / "recipe.yaml").write_text(_RECIPE + _block("yaml"))
    _write_traces(tmp_path)

    done = _infogap(tmp_path, "run", "recipe.yaml", "--run", "run")
    assert done.returncode == 0, done.stderr
    run = Run.open(tmp_path / "run")
    stored = run.stored(MEASURES)
    assert stored.schema.names() == [*MEASURES.schema.names(), "questions", "question_density"]
    measured = run.scan(stored).join(run.scan(TRACES), on="trace_id").collect()
    counts = {(row["privilege"], row["questions"]) for row in measured.iter_rows(named=True)}
    assert counts == {("unguided", 2), ("unguided", 1), ("answer", 0), ("answer", 1)}

    mix = pl.read_parquet(tmp_path / "run" / "mix" / "*.parquet").join(measured, on="trace_id")
    excluded = mix.filter(pl.col("reason") == "excluded_by_where")
    assert excluded.height == mix.filter(pl.col("question_density") >= 100).height > 0
    funnel = (tmp_path / "run" / "mix" / "manifest.json").read_text()
    assert '"excluded_by_where"' in funnel

    published = pl.read_parquet(tmp_path / "run" / "dataset" / "data" / "traces" / "*.parquet")
    assert published.join(measured, on=["trace_id", "questions", "question_density"]).height == measured.height
    card = (tmp_path / "run" / "dataset" / "README.md").read_text()
    assert "question_density" in card
    report = (tmp_path / "run" / "report" / "index.html").read_text()
    assert "question_density" in report

    table = _infogap(tmp_path, "measure", "run", "--table")
    assert table.returncode == 0, table.stderr
    assert "questions" in table.stdout
    status = _infogap(tmp_path, "status", "run")
    assert "stale" not in status.stdout


def _run(folder: Path, extra: str) -> Run:
    (folder / "recipe.yaml").write_text(_RECIPE + extra)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    with run.rewrite(TASKS) as tasks:
        tasks.write(TASKS.frame([dict.fromkeys(TASKS.schema.names()) | {"task_id": "a", "question": "?"}]))
    nothing: dict[str, Any] = dict.fromkeys(TRACES.schema.names())
    with run.rewrite(TRACES) as traces:
        traces.write(
            TRACES.frame([nothing | {"trace_id": f"t{n:02}", "task_id": "a", "response": "x" * n} for n in range(12)])
        )
    return run


@pytest.fixture(autouse=True)
def _without_left_over_modules() -> Iterator[None]:
    yield
    sys.modules.pop("lengths_of_mine", None)


def _letters(run: Run) -> list[int]:
    STAGE.make(run)
    return run.scan(run.stored(MEASURES)).sort("trace_id").collect()["letters"].to_list()


def test_an_object_beside_the_recipe_in_workers_and_after_an_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "lengths_of_mine.py"
    module.write_text(_MODULE)
    run = _run(tmp_path, "measure: {measures: ['lengths_of_mine:LENGTH']}\n")
    first = STAGE.part(run)
    assert _letters(run) == list(range(12))
    monkeypatch.setattr("infogap.measure.measure_traces._WORTH_WORKERS", 5)
    monkeypatch.setattr("infogap.measure.measure_traces._AT_ONCE", 4)
    assert _letters(run) == list(range(12))
    module.write_text(_MODULE.replace("len_chars()", "len_chars() * 2"))
    assert STAGE.part(run) != first
    assert _letters(run) == list(range(0, 24, 2))
    assert not (tmp_path / "__pycache__").exists()


def test_a_recipe_without_further_measures_has_the_table_and_the_fingerprint_of_before(tmp_path: Path) -> None:
    run = _run(tmp_path, "")
    assert STAGE.part(run).keys() == {
        *("lexicons", "bands", "fork_entropy", "lexicon_contents", "self_corrections", "leaks"),
    }
    STAGE.make(run)
    assert run.stored(MEASURES) == MEASURES


def test_infogaps_own_measures_make_every_column_of_the_table_once(tmp_path: Path) -> None:
    measures = own_measures(_run(tmp_path, ""))
    assert len(measures) == len(OWN)
    columns = [name for measure in measures for name in measure.columns]
    assert sorted([*columns, "trace_id"]) == sorted(MEASURES.schema.names())


@pytest.mark.parametrize(
    ("returns", "message"),
    [
        ("1 / 0", r"the measure 'lengths_of_mine:LENGTH': ZeroDivisionError: division by zero"),
        ("None", "must return a polars DataFrame, not NoneType"),
        ("frame.head(2).select(letters=1)", "returned 1 rows for 12 traces|returned 2 rows for 12 traces"),
        ("frame.select(lettres='words')", "returned the columns lettres; it declares letters"),
        ("frame.select(letters=pl.lit('many').repeat_by(1).list.first())", "other types than it declares|1 rows"),
        ("frame.select(letters=pl.col('words') / 2)", "returned Float64 for the column 'letters'; it declares Int64"),
        ("frame.reverse().select('trace_id', letters='words')", "returned the traces in another order"),
    ],
)
def test_what_a_measure_gets_wrong_is_one_line_that_names_it(tmp_path: Path, returns: str, message: str) -> None:
    body = re.sub(r"return frame.*", f"return {returns}", _MODULE)
    (tmp_path / "lengths_of_mine.py").write_text(body)
    run = _run(tmp_path, "measure: {measures: ['lengths_of_mine:LENGTH']}\n")
    with pytest.raises(InputError, match=message) as caught:
        STAGE.make(run)
    assert "lengths_of_mine:LENGTH" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "name", "message"),
    [
        (("", ""), "lengths_of_mine:LENGHT", "no 'LENGHT'.*did you mean 'LENGTH'"),
        (("", ""), "lengths_of_mine:Length", "'lengths_of_mine:Length' is not a measure: it is a class"),
        (("", ""), "nowhere:LENGTH", "there is no module 'nowhere', neither in .* nor installed"),
        (("", ""), "lenghts", "no 'lenghts' among the measures"),
        (("", ""), "leaks", "'leaks' is one of infogap's own measures"),
        (("import polars", "import no_such_module\nimport polars"), "lengths_of_mine:LENGTH", "ModuleNotFoundError"),
        (("version = 1", ""), "lengths_of_mine:LENGTH", "is not a measure: it has no `version`"),
        (('"letters": pl.Int64', ""), "lengths_of_mine:LENGTH", "it has no columns"),
        (('"letters"', '"band"'), "lengths_of_mine:LENGTH", "the column name 'band' is taken"),
        (("pl.Int64", "pl.Date"), "lengths_of_mine:LENGTH", "the type Date, which cannot be published"),
    ],
)
def test_what_is_no_measure_is_said_before_anything_is_made(
    tmp_path: Path, change: tuple[str, str], name: str, message: str
) -> None:
    (tmp_path / "lengths_of_mine.py").write_text(_MODULE.replace(*change, 1))
    with pytest.raises(InputError, match=message):
        load_measure(name, tmp_path)
    run = _run(tmp_path, f"measure: {{measures: ['{name}']}}\n")
    with pytest.raises(InputError, match=message):
        STAGE.ready(run)
    checked = _infogap(tmp_path, "check", "recipe.yaml")
    assert checked.returncode == 2
    assert "measure.measures[0]" in checked.stderr + checked.stdout


def test_a_condition_that_cannot_be_evaluated_is_said_before_anything_is_made(tmp_path: Path) -> None:
    _write_traces(tmp_path)
    for condition, message in [("wrods < 5", "wrods"), ("words <", "balance.where"), ("band < 5", "balance.where")]:
        (tmp_path / "recipe.yaml").write_text(_RECIPE + f"balance: {{where: '{condition}'}}\n")
        checked = _infogap(tmp_path, "check", "recipe.yaml")
        assert checked.returncode == 2, condition
        assert message in checked.stderr + checked.stdout
