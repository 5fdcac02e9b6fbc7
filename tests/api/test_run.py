"""Runs from Python: made from a dict or a file, brought up to date, read as frames."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

import infogap
from infogap.schema import MEASURES, TABLES, TRACES


def test_update_says_what_each_stage_was(run: infogap.Run, capfd: pytest.CaptureFixture[str]) -> None:
    stages = ["tasks", "import", "verify", "measure", "dedupe", "balance", "publish", "report"]
    updates = run.update(quiet=True)
    assert [(update.stage, update.was, update.made) for update in updates] == [(name, "done", False) for name in stages]
    assert [state.stage for state in run.status()] == stages
    assert run.is_done("mix") is False
    assert run.is_done("balance")
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("up_to_the_mix")
def test_a_changed_recipe_runs_its_stages_again_and_says_so(
    recipe: dict[str, object], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first = infogap.Run.create(recipe, tmp_path / "run")
    assert {update.was for update in first.update(quiet=True)} == {"missing"}
    again = infogap.Run.create(recipe, tmp_path / "run", overrides=["balance.max_per_task=1"])
    assert again.recipe.balance.max_per_task == 1
    (balance,) = again.update("balance")
    assert (balance.was, balance.made, balance.rows) == ("stale", True, again.table("mix").collect().height)
    assert "max_per_task" in balance.why[0]
    assert "balance" in capfd.readouterr().err
    assert infogap.Run.open(str(tmp_path / "run")).recipe == again.recipe


def test_a_shortfall_is_raised_when_all_is_done(recipe: dict[str, object], tmp_path: Path) -> None:
    run = infogap.Run.create(recipe | {"balance": {"size": 1000, "when_short": "best_effort"}}, tmp_path / "run")
    with pytest.raises(infogap.ShortfallError, match="balance: "):
        run.update(quiet=True)
    assert all(state.state == "done" for state in run.status())


def test_tables_are_lazy_frames_with_the_declared_columns(run: infogap.Run) -> None:
    for name, table in TABLES.items():
        assert run.table(name).collect_schema() == table.schema, name
    with pytest.raises(infogap.InputError, match=r"there is no table 'trace' .*did you mean 'traces'"):
        run.table("trace")


@pytest.mark.usefixtures("up_to_the_mix")
def test_columns_of_the_users_measures_are_in_the_tables(
    recipe: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "letters.py").write_text(
        "import polars as pl\n"
        "class Letters:\n"
        "    columns, version = {'es': pl.Int64}, 1\n"
        "    def measure(self, frame):\n"
        "        return frame.select(es=pl.col('text').str.count_matches('e').cast(pl.Int64))\n"
        "LETTERS = Letters()\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    measured = infogap.Run.create(recipe | {"measure": {"measures": ["letters:LETTERS"]}}, tmp_path / "run")
    assert measured.table("measures").collect_schema() == MEASURES.schema
    measured.update(quiet=True)
    counted = pl.concat_str("reasoning", "response", ignore_nulls=True).str.count_matches("e").alias("expected")
    joined = measured.joined().select("es", counted).collect()
    assert joined["es"].to_list() == joined["expected"].to_list()
    assert joined["es"].sum() > 0
    assert measured.table("measures").collect()["es"].null_count() == 0


def test_a_stage_that_is_not_there_is_named(run: infogap.Run) -> None:
    with pytest.raises(infogap.InputError, match=r"there is no stage 'mesure' .*did you mean 'measure'"):
        run.update("mesure", quiet=True)
    with pytest.raises(infogap.InputError, match="its traces are imported"):
        run.update("generate", quiet=True)


def test_joined_has_a_row_per_trace_and_the_columns_of_all(run: infogap.Run) -> None:
    joined = run.joined().collect()
    assert joined.height == run.table("traces").collect().height == joined["trace_id"].n_unique()
    expected = {*TRACES.schema, *MEASURES.schema, "question", "answer", "family", "verdict", "duplicate_of", "reason"}
    assert expected <= set(joined.columns)
    assert joined["verdict"].null_count() == joined["reason"].null_count() == 0


def test_effects_are_the_differences_that_the_command_line_prints(run: infogap.Run) -> None:
    effects = run.effects()
    scores = effects.filter(pl.col("quantity") == "score")
    assert scores.select("privilege", "against").rows() == [("solution", "unguided")]
    density = effects.filter(pl.col("quantity") == "epistemic_density").row(0, named=True)
    assert density["mean"] < 0
    assert density["low"] <= density["mean"] <= density["high"]
    assert density["lexicon"] == "infogap"


def test_a_wrong_recipe_lists_all_problems(tmp_path: Path) -> None:
    wrong = {"name": "x", "tasks": [{"from": "nofile.jsonl"}], "teacher": {"backend": "embeded"}, "generate": {}}
    with pytest.raises(infogap.RecipeError) as raised:
        infogap.Run.create(wrong, tmp_path / "run")
    assert isinstance(raised.value, ValueError)
    assert {problem.path for problem in raised.value.problems} == {
        "tasks[0].from",
        "teacher.backend",
        "generate.privileges",
    }
    assert not (tmp_path / "run").exists()


def test_a_dict_is_not_changed_and_a_file_is_read(recipe: dict[str, object], tmp_path: Path) -> None:
    before = str(recipe)
    infogap.Run.create(recipe, tmp_path / "one", overrides=["import[0].limit=2"])
    assert str(recipe) == before
    (tmp_path / "traces.jsonl").write_text('{"q": "1 + 1?", "a": "2", "t": "2"}\n')
    columns = "{question: q, answer: a, trace: t}"
    (tmp_path / "mine.yaml").write_text(f"name: mine\nimport: [{{from: traces.jsonl, columns: {columns}}}]\n")
    run = infogap.Run.create(tmp_path / "mine.yaml", tmp_path / "two")
    (tasks,) = run.update("tasks", quiet=True)
    assert tasks.rows == 1


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is not a run folder"):
        infogap.Run.open(tmp_path)


def test_a_plan_is_of_the_mixes_alone(run: infogap.Run) -> None:
    (plan,) = run.plan_mixes(["balance.size=1"])
    assert (plan.figures["size"], plan.notes) == (1, [])
    with pytest.raises(infogap.InputError, match=r"^--set balance.famly=uniform: balance.famly: there is no column"):
        run.plan_mixes(["balance.famly=uniform"])
    with pytest.raises(infogap.InputError, match=r"^--set measure.bands.mixed=3: a plan is over"):
        run.plan_mixes(["measure.bands.mixed=3"])


@pytest.mark.usefixtures("up_to_the_mix")
def test_a_plan_over_tables_that_are_not_up_to_date_says_so(recipe: dict[str, object], tmp_path: Path) -> None:
    infogap.Run.create(recipe, tmp_path / "run").update(quiet=True)
    other = infogap.Run.create(recipe, tmp_path / "run", overrides=["measure.bands.mixed=3"])
    (plan,) = other.plan_mixes()
    assert "measure is stale (bands.mixed: " in plan.notes[0]
    assert plan.notes[0].endswith("this is over its tables as they are")
    shutil.rmtree(tmp_path / "run" / "measures")
    with pytest.raises(infogap.InputError, match="has no tables of measure yet; first: infogap measure"):
        other.plan_mixes()
