"""Every trainer's file, read back with `datasets` and compared with the run that it was made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from datasets import load_dataset

from infogap import plugins
from infogap.errors import InputError, ShortfallError
from infogap.publish.export import export
from infogap.runs import manifest
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MIX, TASKS, TRACES, VERDICTS
from publish.pair_run import run_of as unfinished_run_of
from publish.small_run import RECIPE, SECRET, Build, build_run

ALL = plugins.names("exports")
OF_PAIRS = tuple(name for name in ALL if name.endswith("dpo"))
OF_LABELS = tuple(name for name in ALL if name.endswith("kto"))
WITH_CONTEXTS = ("trl-sdft", "verl-privileged", "ms-swift-opsd")
OF_TASKS = ("verl",)
OF_RECOVERY = tuple(name for name in ALL if name.endswith("recovery"))
OF_MIX = tuple(name for name in ALL if name not in (*OF_PAIRS, *OF_LABELS, *WITH_CONTEXTS, *OF_TASKS, *OF_RECOVERY))
INSTRUCTION = "\n\nEnd with the answer in \\boxed{}."


def run_of(folder: Path, cells: list[dict[str, Any]], **asked: Any) -> Run:
    """A run of these traces whose mix is written."""
    run = unfinished_run_of(folder, cells, **asked)
    files = manifest.describe_files(run.path, run.part_paths(MIX))
    manifest.write(run.manifest_path("mix"), manifest.Manifest("mix", 1, "print", {}, {}, 1, {}, files))
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return build_run(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three pairs, of tasks 0 to 2; the thoughts of task 1 are not empty."""
    cells: list[dict[str, Any]] = [
        {"task": task, "verdict": verdict} for task in range(3) for verdict in ("correct", "wrong")
    ]
    return run_of(tmp_path_factory.mktemp("pairs"), cells)


def read(run: Run, folder: Path, form: str, **asked: Any) -> list[dict[str, Any]]:
    """Export in a format, and read the file as `datasets` does."""
    ending = plugins.load("exports", form).suffixes[0]
    file = folder / f"{form}{ending}"
    rows = export(run, file, form, **asked)
    kind = "json" if ending == ".jsonl" else "parquet"
    loaded = load_dataset(kind, data_files=str(file), split="train", cache_dir=str(folder / "cache"))
    assert loaded.num_rows == rows > 0
    return list(loaded)


def written(run: Run) -> dict[str, tuple[str, str, str]]:
    """The question, thought and response of each trace."""
    traces = run.scan(TRACES).join(run.scan(TASKS), on="task_id").collect()
    return {
        row["trace_id"]: (row["question"] + INSTRUCTION, row["reasoning"], row["response"])
        for row in traces.iter_rows(named=True)
    }


def inline(thought: str, response: str) -> str:
    return f"<think>\n{thought}\n</think>\n\n{response}" if thought else response


def texts(row: dict[str, Any]) -> list[str]:
    """The texts of a row that shows one conversation, whatever its columns."""
    if "instruction" in row:
        return [row["instruction"], row["output"]]
    if isinstance(row.get("prompt"), str):
        return [row["prompt"], row["completion"]]
    turns = row.get("messages") or row.get("conversations") or [*row["prompt"], *row["completion"]]
    return [turn.get("content") or turn["value"] for turn in turns]


@pytest.mark.parametrize("form", OF_MIX)
def test_a_conversation_says_what_the_trace_says(run: Run, tmp_path: Path, form: str) -> None:
    expected = written(run)
    rows = read(run, tmp_path, form)
    selected = run.scan(MIX).filter("selected").collect()["trace_id"].sort().to_list()
    assert [row["trace_id"] for row in rows] == selected
    for row in rows:
        question, thought, response = expected[row["trace_id"]]
        assert texts(row) == [question, inline(thought, response)]


@pytest.mark.parametrize("form", OF_LABELS)
def test_a_label_is_true_for_correct_answers_alone(run: Run, tmp_path: Path, form: str) -> None:
    expected = written(run)
    verdicts = dict(run.scan(VERDICTS).select("trace_id", "verdict").collect().iter_rows())
    rows = read(run, tmp_path, form)
    column = plugins.load("exports", form).labels
    assert {row[column] for row in rows} == {True, False}
    for row in rows:
        question, thought, response = expected[row["trace_id"]]
        assert row[column] is (verdicts[row["trace_id"]] == "correct")
        assert texts(row) == [question, inline(thought, response)]


def sides(row: dict[str, Any]) -> tuple[str, str, str]:
    """The question, the chosen and the rejected text of a row."""
    if "rejected_response" in row:
        *_, question, chosen = (turn["content"] for turn in row["messages"])
        return question, chosen, row["rejected_response"]
    both = []
    for side in ("chosen", "rejected"):
        value = row[side][0] if isinstance(row[side], list) else row[side]
        both.append(value if isinstance(value, str) else value.get("content") or value["value"])
    prompt = row.get("instruction") or row.get("prompt") or row.get("messages") or row["conversations"]
    question = prompt if isinstance(prompt, str) else prompt[-1].get("content") or prompt[-1]["value"]
    return question, both[0], both[1]


@pytest.mark.parametrize("form", OF_PAIRS)
def test_a_pair_says_what_its_two_traces_say(pairs: Run, tmp_path: Path, form: str) -> None:
    expected = written(pairs)
    rows = read(pairs, tmp_path, form)
    assert [row["chosen_trace_id"] for row in rows] == ["trace0", "trace2", "trace4"]
    for row in rows:
        (question, *chosen), (_, *rejected) = (expected[row[f"{side}_trace_id"]] for side in ("chosen", "rejected"))
        assert sides(row) == (question, inline(*chosen), inline(*rejected))


@pytest.mark.parametrize("form", WITH_CONTEXTS)
def test_a_teachers_context_is_in_its_column_and_in_no_prompt(run: Run, tmp_path: Path, form: str) -> None:
    rows = read(run, tmp_path, form)
    selected = run.scan(MIX).filter("selected").join(run.scan(TRACES), on="trace_id").collect()
    used = selected["context_id"].drop_nulls().unique().sort().to_list()
    contexts = {row["context_id"]: row for row in run.scan(CONTEXTS).collect().iter_rows(named=True)}
    questions = dict(run.scan(TASKS).select("task_id", "question").collect().iter_rows())
    found = [row["extra_info"]["context_id"] if form == "verl-privileged" else row["context_id"] for row in rows]
    assert found == used
    for row, context_id in zip(rows, found, strict=True):
        prompt = row.get("prompt") or row["messages"]
        question = questions[contexts[context_id]["task_id"]]
        assert prompt == [{"role": "user", "content": question + INSTRUCTION}]
        if form == "ms-swift-opsd":
            assert row["teacher_prompt"] == f"{question}\n\n{SECRET}{INSTRUCTION}"
        else:
            assert (row.get("privileged_context") or row["extra_info"]["privileged_context"]) == SECRET


def test_verl_has_the_tasks_of_the_mix_with_their_gold_answers(run: Run, tmp_path: Path) -> None:
    rows = read(run, tmp_path, "verl")
    tasks = {row["task_id"]: row for row in run.scan(TASKS).collect().iter_rows(named=True)}
    assert [row["extra_info"]["task_id"] for row in rows] == sorted(tasks)
    for row in rows:
        task = tasks[row["extra_info"]["task_id"]]
        assert row["prompt"] == [{"role": "user", "content": task["question"] + INSTRUCTION}]
        assert row["reward_model"] == {"style": "rule", "ground_truth": task["answer"]}
        assert (row["data_source"], row["ability"]) == ("sums.jsonl", task["family"])
        assert "privileged_context" not in row["extra_info"] and SECRET not in json.dumps(row)


@pytest.mark.parametrize("form", [name for name in ALL if name not in WITH_CONTEXTS])
def test_what_is_not_for_the_student_is_in_no_other_file(run: Run, pairs: Run, tmp_path: Path, form: str) -> None:
    rows = read(pairs if form in (*OF_PAIRS, *OF_RECOVERY) else run, tmp_path, form)
    assert SECRET not in json.dumps(rows) and "secret-folder" not in json.dumps(rows)


@pytest.mark.parametrize("form", ALL)
def test_equal_runs_give_equal_files(run: Run, pairs: Run, tmp_path: Path, form: str) -> None:
    of, ending = pairs if form in (*OF_PAIRS, *OF_RECOVERY) else run, plugins.load("exports", form).suffixes[0]
    files = [tmp_path / name / f"mix{ending}" for name in ("one", "other")]
    for file in files:
        export(of, file, form)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_llama_factory_finds_each_file_in_one_description(run: Run, pairs: Run, tmp_path: Path) -> None:
    forms = [name for name in ALL if name.startswith("llamafactory")]
    for form in forms:
        export(pairs if form in (*OF_PAIRS, *OF_RECOVERY) else run, tmp_path / f"{form}.jsonl", form)
    described = json.loads((tmp_path / "dataset_info.json").read_text())
    assert sorted(described) == sorted(forms)
    for form, entry in described.items():
        assert entry["file_name"] == f"{form}.jsonl"
        row = json.loads((tmp_path / entry["file_name"]).read_text().splitlines()[0])
        assert set(entry["columns"].values()) <= set(row)
        assert entry["formatting"] == ("alpaca" if "alpaca" in form else "sharegpt")
        assert entry.get("ranking", False) == form.endswith("dpo")


def test_a_description_that_is_no_json_is_kept_and_nothing_is_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "dataset_info.json").write_text("{mine")
    with pytest.raises(InputError, match=r"dataset_info\.json is not JSON"):
        export(run, tmp_path / "mix.jsonl", "llamafactory-alpaca")
    assert (tmp_path / "dataset_info.json").read_text() == "{mine"
    assert not (tmp_path / "mix.jsonl").exists()


@pytest.mark.parametrize(("field", "keys"), [("reasoning_content", []), ("thinking", ["thinking", "thinking"])])
def test_axolotl_is_told_how_to_load_the_file(run: Run, tmp_path: Path, field: Any, keys: list[str]) -> None:
    from ruamel.yaml import YAML

    export(run, tmp_path / "mix.parquet", "axolotl", thinking="field", thinking_field=field)
    (dataset,) = YAML(typ="safe").load((tmp_path / "mix.parquet.axolotl.yaml").read_text())["datasets"]
    assert (dataset["path"], dataset["ds_type"]) == (str(tmp_path / "mix.parquet"), "parquet")
    assert dataset["type"] == "chat_template"
    assert [dataset[name] for name in ("field_thinking", "template_thinking_key") if name in dataset] == keys


WITH_FIELDS = tuple(name for name in ALL if not plugins.load("exports", name).no_field)


@pytest.mark.parametrize("form", [name for name in OF_MIX if name in WITH_FIELDS])
@pytest.mark.parametrize("field", ["reasoning_content", "thinking"])
def test_a_thought_can_have_a_field_of_its_own(run: Run, tmp_path: Path, form: str, field: Any) -> None:
    expected = written(run)
    thoughts = 0
    for row in read(run, tmp_path, form, thinking="field", thinking_field=field):
        *_, answer = row.get("messages") or row.get("conversations") or row["completion"]
        _, thought, response = expected[row["trace_id"]]
        assert answer["content"] == response
        assert (answer.get(field) or "") == thought
        thoughts += bool(thought)
    assert thoughts


def test_a_message_without_a_thought_has_no_field(run: Run, tmp_path: Path) -> None:
    export(run, tmp_path / "mix.jsonl", "messages", thinking="field")
    turns = [
        turn for line in (tmp_path / "mix.jsonl").read_text().splitlines() for turn in json.loads(line)["messages"]
    ]
    assert {tuple(turn) for turn in turns} == {("role", "content"), ("role", "content", "reasoning_content")}
    assert all(turn["role"] == "assistant" for turn in turns if "reasoning_content" in turn)


@pytest.mark.parametrize("form", OF_MIX)
def test_thoughts_can_be_left_out(run: Run, tmp_path: Path, form: str) -> None:
    expected = written(run)
    for row in read(run, tmp_path, form, thinking="drop"):
        question, _, response = expected[row["trace_id"]]
        assert texts(row) == [question, response]


@pytest.mark.parametrize("form", [name for name in ALL if name not in WITH_FIELDS])
def test_a_field_that_the_trainer_would_not_read_is_refused(run: Run, tmp_path: Path, form: str) -> None:
    ending = plugins.load("exports", form).suffixes[0]
    with pytest.raises(InputError, match="does not support thoughts in a field of their own"):
        export(run, tmp_path / f"mix{ending}", form, thinking="field")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("form", OF_LABELS)
def test_labels_that_are_all_alike_are_refused(tmp_path: Path, form: str) -> None:
    run = run_of(tmp_path / "alike", [{"task": task, "reason": "selected"} for task in range(3)])
    with pytest.raises(
        ShortfallError, match=r"needs answers with both labels, but all 3 in the mix are correct; give wr"
    ):
        export(run, tmp_path / "mix.jsonl", form)
    assert not (tmp_path / "mix.jsonl").exists()


def test_what_has_no_verdict_is_left_out_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = ["correct", "wrong", "ungradable", "truncated"]
    run = run_of(tmp_path, [{"task": 0, "verdict": each, "reason": "selected"} for each in verdicts])
    with unsilenced():
        rows = read(run, tmp_path, "trl-kto")
    assert [(row["trace_id"], row["label"]) for row in rows] == [("trace0", True), ("trace1", False), ("trace3", False)]
    assert "1 rows left out: their answers have no verdict" in capsys.readouterr().err


@pytest.mark.parametrize("form", OF_PAIRS)
def test_a_pair_of_the_same_text_is_left_out(tmp_path: Path, form: str) -> None:
    run = run_of(
        tmp_path / "same", [{"task": task, "verdict": each} for task in (0, 1) for each in ("correct", "wrong")]
    )
    same = pl.when(task_id="task0").then(pl.lit("Response.")).otherwise("response")
    traces = run.scan(TRACES).with_columns(response=same).collect()
    with run.rewrite(TRACES) as out:
        out.write(traces)
    assert [row["chosen_trace_id"] for row in read(run, tmp_path, form)] == ["trace2"]


@pytest.mark.parametrize("form", OF_PAIRS)
def test_without_pairs_the_reason_is_said(run: Run, tmp_path: Path, form: str) -> None:
    alone = run_of(tmp_path / "alone", [{"task": 0, "reason": "selected"}])
    with pytest.raises(ShortfallError, match="no task has both a correct and a wrong trace"):
        export(alone, tmp_path / "pairs.jsonl", form)


def test_each_of_several_mixes_has_its_own_file(tmp_path: Path) -> None:
    cells = [
        {"task": task, "verdict": verdict, "reason": {"one": "selected" if task else "over_quota", "two": "selected"}}
        for task in range(2)
        for verdict in ("correct", "wrong")
    ]
    run = run_of(tmp_path, cells, balance="{mixes: {one: {size: 2}, two: {size: 4}}}")
    assert len(read(run, tmp_path / "one", "trl-sft", mix="one")) == 2
    assert len(read(run, tmp_path / "two", "trl-sft", mix="two")) == 4
    assert len(read(run, tmp_path / "one", "trl-dpo", mix="one")) == 2
    with pytest.raises(InputError, match="name one with --mix: one, two"):
        export(run, tmp_path / "mix.jsonl", "trl-sft")


def test_a_column_of_nulls_has_a_type(tmp_path: Path) -> None:
    run = build_run(tmp_path)
    tasks = run.scan(TASKS).with_columns(difficulty=pl.lit(None, pl.String)).collect()
    with run.rewrite(TASKS) as out:
        out.write(tasks)
    export(run, tmp_path / "tasks.parquet", "verl")
    extra = pl.read_parquet(tmp_path / "tasks.parquet")["extra_info"].struct.unnest()
    assert extra.schema["difficulty"] == pl.String and extra["difficulty"].null_count() == extra.height


def test_privileged_text_is_said(build: Build, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with unsilenced():
        export(build(recipe=RECIPE), tmp_path / "contexts.jsonl", "trl-sdft")
    assert "the file holds what teachers were shown, answers and worked solutions included" in capsys.readouterr().err


def unsilenced() -> Any:
    from infogap.console import speaking

    return speaking(quiet=False)
