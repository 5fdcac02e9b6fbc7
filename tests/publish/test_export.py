"""The mix as a trainer's file: every format holds the same conversations."""

import json
from pathlib import Path

import polars as pl
import pytest

from infogap.console import output
from infogap.errors import InputError
from infogap.publish.export import export
from infogap.publish.sorted_rows import in_order, sorted_slices
from infogap.publish.splits import plan_splits
from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_all
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TRACES
from publish.small_run import RECIPE, Build, build_run

FORMATS = ("messages", "prompt-completion", "alpaca", "sharegpt")


@pytest.fixture
def run(build: Build) -> Run:
    return build()


def selected(run: Run) -> list[str]:
    return sorted(run.scan(MIX).filter("selected").collect()["trace_id"])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_every_format_holds_the_mix_in_order(run: Run, tmp_path: Path, form: str, ending: str) -> None:
    file = tmp_path / f"mix.{ending}"
    rows = export(run, file, form)
    read = (
        [json.loads(line) for line in file.read_text().splitlines()]
        if ending == "jsonl"
        else pl.read_parquet(file).to_dicts()
    )
    assert rows == len(read)
    assert [row["trace_id"] for row in read] == selected(run)


def test_the_formats_say_the_same(run: Run, tmp_path: Path) -> None:
    said = {}
    for form in FORMATS:
        export(run, tmp_path / "mix.jsonl", form)
        said[form] = [json.loads(line) for line in (tmp_path / "mix.jsonl").read_text().splitlines()]
    for messages, split, alpaca, sharegpt in zip(*(said[form] for form in FORMATS), strict=True):
        question, answer = (each["content"] for each in messages["messages"])
        assert [each["content"] for each in split["prompt"] + split["completion"]] == [question, answer]
        assert (alpaca["instruction"], alpaca["output"]) == (question, answer)
        assert [each["value"] for each in sharegpt["conversations"]] == [question, answer]
        assert [each["from"] for each in sharegpt["conversations"]] == ["human", "gpt"]


@pytest.mark.parametrize(
    ("file", "form", "expected"),
    [("mix.jsonl", "alpacca", "did you mean 'alpaca'"), ("mix.csv", "alpaca", "ends in .jsonl or .parquet")],
)
def test_what_cannot_be_written_is_refused(run: Run, tmp_path: Path, file: str, form: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        export(run, tmp_path / file, form)


def test_exports_beside_each_other_and_beside_a_publish_do_not_meet(run: Run) -> None:
    places = in_order(run.scan(MIX).filter("selected").select("trace_id").collect())
    first, second = (sorted_slices(run, TRACES, places, limit=300) for _ in range(2))
    begun = [next(first)]
    others = list(second)
    assert len(others) > 2
    one, other = (pl.concat(rows for _, rows in slices) for slices in ([*begun, *first], others))
    assert one.equals(other)
    assert not list(run.path.glob(".publish*"))


def test_a_mix_that_is_not_up_to_date_is_written_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "quiet", False)
    row = {"question": "What is 3 + 2?", "answer": "5", "text": "It is \\boxed{5}"}
    (tmp_path / "traces.jsonl").write_text(json.dumps(row) + "\n")
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: few\nimport: [{from: traces.jsonl, columns: {question: question, answer: answer, trace: text}}]\n"
    )
    run = Run.create(load_recipe(recipe), tmp_path / "run")
    run.save_recipe()
    run_all(run)
    capsys.readouterr()
    assert export(run, tmp_path / "mix.jsonl", "messages") == 1
    assert "may not be" not in capsys.readouterr().err
    changed = Run.create(load_recipe(recipe, ["seed=8"]), tmp_path / "run")
    assert export(changed, tmp_path / "mix.jsonl", "messages") == 1
    assert "may be out of date" in capsys.readouterr().err


@pytest.mark.parametrize("table", ["traces", "verdicts", "mix"])
def test_a_damaged_table_is_refused(tmp_path: Path, table: str) -> None:
    run = build_run(tmp_path)
    part = next((run.path / table).glob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[60] ^= 1
    part.write_bytes(content)
    with pytest.raises(InputError, match=rf"nothing is exported: {table}/part-00000.parquet has other content"):
        export(run, tmp_path / "mix.jsonl", "messages")
    assert not (tmp_path / "mix.jsonl").exists()


SPLIT = RECIPE.replace("version: 0.1.0}", "version: 0.1.0, splits: {train: 0.6, test: 0.4}}")


@pytest.mark.parametrize(
    ("form", "key"), [("messages", "trace_id"), ("trl-sdft", "context_id"), ("verl", "extra_info.task_id")]
)
def test_a_file_holds_one_split_and_by_default_no_task_of_the_test(
    build: Build,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    key: str,
) -> None:
    monkeypatch.setattr(output, "quiet", False)
    run = build(recipe=SPLIT)
    plan = plan_splits(run)
    assert plan is not None
    traces = run.scan(TRACES).collect().join(plan.tasks, on="task_id")
    files = {}
    for split in ("train", "test"):
        files[split] = tmp_path / f"{split}.parquet"
        export(run, files[split], form, split=split)
        ids = pl.read_parquet(files[split])
        ids = ids.unnest("extra_info") if "." in key else ids
        name = key.rsplit(".", maxsplit=1)[-1]
        assert set(ids[name]) <= set(traces.filter(split=split)[name])
        assert "split" not in ids.columns or set(ids["split"]) == {split}
    capsys.readouterr()
    export(run, tmp_path / "mix.parquet", form)
    assert (tmp_path / "mix.parquet").read_bytes() == files["train"].read_bytes()
    assert "only the split `train` of publish.splits" in capsys.readouterr().err


def test_a_split_that_does_not_exist_is_refused(run: Run, build: Build, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the recipe has no splits"):
        export(run, tmp_path / "mix.jsonl", "messages", split="test")
    with pytest.raises(InputError, match="did you mean 'test'"):
        export(build("other", recipe=SPLIT), tmp_path / "mix.jsonl", "messages", split="tset")
