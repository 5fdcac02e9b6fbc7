"""Other rules for pairs: the shortest right trace over the longest wrong one, and one privilege over another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.publish import STAGE
from infogap.publish.diff import difference
from infogap.publish.export import export
from infogap.publish.trace_pairs import pairs, without_pairs
from infogap.runs import manifest
from infogap.runs.run_folder import Run
from infogap.schema import MIX, TRACES
from publish.pair_run import DEFAULTS, run_of
from publish.test_preference_as_asked import card

EXTREMES = "preference: {pairs: shortest_right_longest_wrong}"
TAUGHT = "preference: {by: privilege, chosen: {privilege: unguided}, rejected: {privilege: [answer, solution]}}"
REVERSED = "preference: {by: privilege, chosen: {privilege: [answer, solution]}, rejected: {privilege: unguided}}"
Cell = dict[str, Any]


def table_of(run: Run) -> pl.DataFrame:
    return pairs(run, run.scan(MIX).collect(), run.recipe.publish.preference)


def paired(run: Run) -> list[tuple[int, int]]:
    """The numbers of the chosen and the rejected traces."""
    return [(int(one[5:]), int(other[5:])) for one, other in table_of(run).select("chosen", "rejected").iter_rows()]


def rewritten(run: Run, **columns: pl.Expr) -> Run:
    """The run with other texts, or its traces in another order."""
    traces = run.scan(TRACES).collect().with_columns(**columns)
    with run.rewrite(TRACES) as out:
        out.write(traces)
    return run


def lengths(*values: tuple[str, int]) -> list[Cell]:
    return [{"verdict": verdict, "words": words} for verdict, words in values]


def test_the_shortest_right_trace_is_paired_with_the_longest_wrong_one_of_its_prompt(tmp_path: Path) -> None:
    cells = lengths(("correct", 90), ("correct", 40), ("wrong", 50), ("wrong", 300), ("wrong", 120))
    other = [{**cell, "privilege": "solution"} for cell in lengths(("correct", 10), ("wrong", 5))]
    run = run_of(tmp_path / "run", [*cells, *other], EXTREMES)
    assert paired(run) == [(1, 3), (5, 6)]
    STAGE.make(run)
    rows = load_dataset(str(run.path / "dataset"), "preference", split="train", cache_dir=str(tmp_path / "cache"))
    assert [(row["words_margin"], row["chosen_words"], row["rejected_words"]) for row in rows] == [
        (-260, 40, 300),
        (5, 10, 5),
    ]
    assert rows["density_margin"][:] == [0.0, 0.0]
    said = " ".join(card(run).split())
    assert "the shortest correct trace and the longest wrong one were taken (as in arXiv 2605.17497)" in said
    assert "on average -128 words longer" in said
    assert "of 2 pairs, it is the longer one in 1" in said
    assert "number of words of the chosen trace minus that of the rejected one" in said
    assert difference(run.path, run.path).same


def test_of_a_tasks_pairs_of_extremes_those_furthest_apart_are_kept(tmp_path: Path) -> None:
    cells = [
        cell | {"privilege": privilege}
        for privilege, wrong in (("unguided", 100), ("answer", 400), ("solution", 200))
        for cell in lengths(("correct", 100), ("wrong", wrong))
    ]
    assert paired(run_of(tmp_path, cells, EXTREMES, "{max_per_task: 2}")) == [(2, 3), (4, 5)]


def test_an_unguided_right_trace_is_chosen_over_a_guided_right_one_of_like_length(tmp_path: Path) -> None:
    cells: list[Cell] = [
        {"words": 200, "density": 9.0},
        {"words": 90, "density": 1.0},
        {"privilege": "solution", "words": 100, "density": 2.0},
        {"privilege": "answer", "words": 210, "density": 3.0},
        {"privilege": "answer", "words": 205, "verdict": "wrong", "reason": "wrong"},
    ]
    run = run_of(tmp_path / "run", cells, TAUGHT)
    assert paired(run) == [(0, 3), (1, 2)]
    STAGE.make(run)
    rows = load_dataset(str(run.path / "dataset"), "preference", split="train", cache_dir=str(tmp_path / "cache"))
    assert [(row["density_margin"], row["verdict"]) for row in rows] == [(6.0, "correct"), (-1.0, "correct")]
    assert "and has the lower density in 1." in " ".join(card(run).split())
    assert paired(run_of(tmp_path / "reversed", cells, REVERSED)) == [(2, 1), (3, 0)]
    wrong = TAUGHT.replace("unguided}", "unguided, verdict: wrong}")
    assert paired(run_of(tmp_path / "wrong", cells, wrong)) == []


@pytest.mark.parametrize("asked", [TAUGHT, "preference: {by: band}", "preference: {by: band, length: 0.5}"])
def test_no_pair_has_the_same_text_twice(tmp_path: Path, asked: str) -> None:
    cells: list[Cell] = [
        {"band": "uncertain", "privilege": "unguided"},
        {"band": "confident", "privilege": "unguided" if "band" in asked else "answer"},
    ]
    run = rewritten(run_of(tmp_path, cells, asked), response=pl.lit("So it is 2."), reasoning=pl.lit(""))
    assert paired(run) == []
    rewritten(run, reasoning=pl.col("trace_id"))
    assert paired(run) == [(0, 1)]
    dropped = run.recipe.publish.model_copy(update={"thinking": "drop"})
    assert paired(Run(run.path, run.recipe.model_copy(update={"publish": dropped}), run.base)) == []


def test_tasks_without_a_pair_are_counted_with_the_reason(tmp_path: Path) -> None:
    cells: list[Cell] = [
        {"task": 0},
        {"task": 0, "verdict": "wrong"},
        {"task": 1},
        {"task": 2, "verdict": "wrong"},
        {"task": 3, "verdict": "wrong"},
        {"task": 4},
        {"task": 4, "verdict": "wrong", "privilege": "solution"},
        {"task": 5, "reason": "leak"},
    ]
    run = run_of(tmp_path, cells, "")
    outcome = STAGE.make(run)
    counted = {
        "no trace to choose": 2,
        "no trace for either side": 1,
        "no trace to reject": 1,
        "none that share privilege and teacher": 1,
    }
    assert outcome.counts["preference"] == outcome.counts["preference"] | {"rows": 1, "tasks_without": counted}
    said = "5 tasks without a row (2 no trace to choose, 1 no trace for either side, 1 no trace to reject, 1 none that"
    assert any(said in note for note in outcome.notes)
    assert said in " ".join(card(run).split())


def test_every_task_of_a_mix_has_a_pair_or_is_counted(tmp_path: Path) -> None:
    drawn = {"a": "selected", "b": "task_not_drawn"}
    cells: list[Cell] = [
        {"task": task, "verdict": verdict, "reason": drawn if task == 0 else {"a": "task_not_drawn", "b": "selected"}}
        for task, verdict in ((0, "correct"), (1, "correct"), (1, "wrong"), (2, "correct"))
    ]
    mixes = "{mixes: {a: {coverage: {tasks: 1}}, b: {coverage: {tasks: 2}}}}"
    run = run_of(tmp_path, cells, "preference: {}", mixes)
    for name, expected in (("a", {0}), ("b", {1, 2})):
        mix = run.scan(MIX).filter(mix=name).collect()
        asked = run.recipe.publish.preference
        found = pairs(run, mix, asked).join(run.scan(TRACES).collect(), left_on="chosen", right_on="trace_id")[
            "task_id"
        ]
        assert found.n_unique() + sum(without_pairs(run, mix, asked, found.unique()).values()) == len(expected)


def test_a_file_for_a_trainer_has_the_pairs_of_the_rule(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", lengths(("correct", 90), ("correct", 40), ("wrong", 50), ("wrong", 300)), EXTREMES)
    files = manifest.describe_files(run.path, run.part_paths(MIX))
    manifest.write(run.manifest_path("mix"), manifest.Manifest("mix", 1, "print", {}, {}, 1, {}, files))
    for form in ("trl-dpo", "axolotl-dpo", "ms-swift-dpo", "llamafactory-sharegpt-dpo"):
        assert export(run, tmp_path / f"{form}.jsonl", form) == 1


@pytest.mark.parametrize("asked", [EXTREMES, TAUGHT])
def test_no_trace_is_in_two_splits(tmp_path: Path, asked: str) -> None:
    cells = [
        {"task": task, "privilege": privilege, "verdict": verdict}
        for task in range(4)
        for privilege in ("unguided", "answer")
        for verdict in ("correct", "wrong")
    ]
    run = run_of(tmp_path / "run", cells, f"{asked}, splits: {{train: 0.5, test: 0.5}}")
    STAGE.make(run)
    ids = []
    for split in ("train", "test"):
        rows = load_dataset(str(run.path / "dataset"), "preference", split=split, cache_dir=str(tmp_path / "cache"))
        ids.append({*rows["task_id"][:], *rows["chosen_trace_id"][:], *rows["rejected_trace_id"][:]})
        assert rows.num_rows == (4 if asked == EXTREMES else 2)
    assert not ids[0] & ids[1]


CELLS = st.lists(
    st.fixed_dictionaries(
        {
            "task": st.integers(0, 1),
            "verdict": st.sampled_from(["correct", "wrong"]),
            "words": st.sampled_from([50, 60, 61, 70, 90]),
            "privilege": st.sampled_from(["unguided", "answer", "solution"]),
        }
    ),
    max_size=9,
)


@settings(max_examples=40, deadline=None)
@given(CELLS)
def test_by_extremes_each_prompt_has_one_pair_of_its_shortest_and_longest(
    tmp_path_factory: pytest.TempPathFactory, cells: list[Cell]
) -> None:
    run = run_of(tmp_path_factory.mktemp("pairs"), cells, EXTREMES)
    groups: dict[tuple[int, str], dict[str, list[int]]] = {}
    for cell in cells:
        of_group = groups.setdefault((cell["task"], cell["privilege"]), {"correct": [], "wrong": []})
        of_group[cell["verdict"]].append(cell["words"])
    expected = sorted(
        (*group, min(of["correct"]), max(of["wrong"])) for group, of in groups.items() if of["correct"] and of["wrong"]
    )
    found = []
    for one, other in paired(run):
        chosen, rejected = DEFAULTS | cells[one], DEFAULTS | cells[other]
        assert (chosen["verdict"], rejected["verdict"]) == ("correct", "wrong")
        assert all(chosen[name] == rejected[name] for name in ("task", "privilege", "teacher"))
        found.append((chosen["task"], chosen["privilege"], chosen["words"], rejected["words"]))
    assert sorted(found) == expected


@settings(max_examples=40, deadline=None)
@given(CELLS, st.sampled_from([TAUGHT, REVERSED]))
def test_by_privilege_both_are_right_and_as_many_pairs_are_made_as_there_can_be(
    tmp_path_factory: pytest.TempPathFactory, cells: list[Cell], asked: str
) -> None:
    run = run_of(tmp_path_factory.mktemp("pairs"), cells, asked)
    found = paired(run)
    assert len({number for pair in found for number in pair}) == 2 * len(found)
    for one, other in found:
        chosen, rejected = cells[one], cells[other]
        assert chosen["task"] == rejected["task"]
        assert chosen["verdict"] == rejected["verdict"] == "correct"
        assert (chosen["privilege"] == "unguided") == (asked == TAUGHT) != (rejected["privilege"] == "unguided")
    right = [cell for cell in cells if cell["verdict"] == "correct"]
    most = 0
    for task in (0, 1):
        unguided = [cell["privilege"] == "unguided" for cell in right if cell["task"] == task]
        most += min(sum(unguided), len(unguided) - sum(unguided))
    assert len(found) == most


@settings(max_examples=20, deadline=None)
@given(CELLS.filter(bool), st.sampled_from(["", EXTREMES, TAUGHT]), st.randoms(use_true_random=False))
def test_the_order_of_rows_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, cells: list[Cell], asked: str, random: Any
) -> None:
    run = run_of(tmp_path_factory.mktemp("pairs"), cells, asked)
    before = table_of(run)
    for table in (TRACES, MIX):
        rows = run.scan(table).collect()
        places = list(range(rows.height))
        random.shuffle(places)
        with run.rewrite(table) as out:
            out.write(rows[places])
    assert table_of(run).equals(before)
