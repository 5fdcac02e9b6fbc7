"""`publish.rl.repeat_to`: rows over few tasks are repeated, so that training files are of equal size."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset

from infogap.errors import InputError
from infogap.publish import STAGE
from infogap.publish.diff import difference
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TASKS
from publish.small_run import RECIPE, Build


def recipe(repeat_to: int | None, balance: str = "") -> str:
    rl = "configs: [rl]" if repeat_to is None else f"configs: [rl], rl: {{repeat_to: {repeat_to}}}"
    text = RECIPE.replace("version: 0.1.0}", f"version: 0.1.0, {rl}}}")
    return text.replace("{size: 10, verdict: {correct: 0.75, wrong: 0.25}}", balance) if balance else text


def load(run: Run, cache: Path, config: str = "rl") -> list[dict[str, Any]]:
    loaded = load_dataset(str(run.path / "dataset"), config, split="train", cache_dir=str(cache))
    rows: list[dict[str, Any]] = loaded.to_list()
    return rows


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["extra_info"]["task_id"] for row in rows]


def test_whole_passes_in_the_same_order_and_a_last_one_drawn(build: Build, tmp_path: Path) -> None:
    run = build(recipe=recipe(16))
    outcome = STAGE.make(run)
    rows = load(run, tmp_path)
    once = [f"task{number}" for number in range(6)]
    assert ids(rows)[:12] == once * 2
    last = ids(rows)[12:]
    assert len(set(last)) == 4
    assert [row["extra_info"]["index"] for row in rows] == list(range(16))
    assert [row["extra_info"]["repetition"] for row in rows] == [0] * 6 + [1] * 6 + [2] * 4
    said = "2 whole passes in the same order, then 4 of the tasks in drawn order"
    assert f"`rl` repeats 6 tasks to 16 rows: {said}" in outcome.notes
    text = " ".join((run.path / "dataset" / "README.md").read_text().split())
    assert (
        f"6 tasks are repeated to 16 rows, so that training files with more or fewer tasks have equal size: {said}"
        in text
    )
    others = [build(f"seed{seed}", recipe=recipe(16).replace("seed: 7", f"seed: {seed}")) for seed in (1, 2, 3)]
    for other in others:
        STAGE.make(other)
    assert len({tuple(ids(load(other, tmp_path))[12:]) for other in [run, *others]}) > 1


def test_rows_besides_their_place_are_those_without_repetition(build: Build, tmp_path: Path) -> None:
    plain, repeated = build("plain", recipe=recipe(None)), build("repeated", recipe=recipe(12))
    for run in (plain, repeated):
        STAGE.make(run)
    once, rows = load(plain, tmp_path), load(repeated, tmp_path)
    for number, row in enumerate(rows):
        assert row["extra_info"].pop("repetition") == number // 6
        assert row["extra_info"]["index"] == number
        assert row | {"extra_info": row["extra_info"] | {"index": number % 6}} == once[number % 6]
    assert difference(plain.path, repeated.path).configs["rl"] == {"both": 6, "only_first": 0, "only_second": 6}
    assert difference(repeated.path, repeated.path).configs["rl"] == {"both": 12, "only_first": 0, "only_second": 0}


def test_in_many_files_the_rows_are_the_same(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build(recipe=recipe(20))
    STAGE.make(run)
    whole = load(run, tmp_path / "whole")
    monkeypatch.setattr("infogap.publish.sorted_rows.SLICE_BYTES", 20)
    STAGE.make(run)
    assert len(list((run.path / "dataset" / "data" / "rl").iterdir())) > 1
    assert load(run, tmp_path / "cut") == whole


def test_as_many_tasks_as_rows_are_one_pass_and_more_are_refused(build: Build, tmp_path: Path) -> None:
    run = build(recipe=recipe(6))
    STAGE.make(run)
    assert ids(load(run, tmp_path)) == [f"task{number}" for number in range(6)]
    said = "repeat_to: 5 rows cannot hold the 6 tasks of the mix that have a gold answer; raise it, or reduce the"
    with pytest.raises(InputError, match=said):
        STAGE.make(build("short", recipe=recipe(5)))


def test_each_mix_is_repeated_to_the_same_size_and_counted_by_itself(build: Build, tmp_path: Path) -> None:
    run = build(recipe=recipe(8, "{mixes: {one: {max_per_task: 1}, all: {max_per_task: 2}}}"))
    mix = run.scan(MIX).collect()
    first = run.scan(MIX).collect().filter("selected").head(1)["trace_id"].implode()
    tasks = run.scan(TASKS).collect()
    with run.rewrite(TASKS) as out:
        out.write(tasks.with_columns(answer=tasks["answer"].set(tasks["task_id"] == "task4", None)))
    with run.rewrite(MIX) as out:
        for name, kept in (("all", mix), ("one", mix.filter(mix["trace_id"].is_in(first)))):
            out.write(kept.with_columns(mix=kept["mix"].replace({"mix": name})))
    outcome = STAGE.make(run)
    assert Counter(ids(load(run, tmp_path, "one-rl"))).most_common()[0][1] == 8
    assert set(Counter(ids(load(run, tmp_path, "all-rl"))).values()) == {1, 2}
    assert [note for note in outcome.notes if "rl" in note.split(":")[0]] == [
        "one-rl: `rl` repeats 1 task to 8 rows: 8 whole passes in the same order",
        "all-rl: 1 of the mix's tasks have no gold answer and are not in `rl`",
        "all-rl: `rl` repeats 5 tasks to 8 rows: 1 whole pass in the same order, then 3 of the tasks in drawn order",
    ]
