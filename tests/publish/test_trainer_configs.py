"""The configs for trainers: preference pairs, privileged contexts, tasks for reinforcement learning."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap import plugins
from infogap.errors import ShortfallError
from infogap.publish import STAGE
from infogap.publish.diff import difference
from infogap.publish.trace_pairs import pairs
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MEASURES, MIX, TASKS, TRACES, VERDICTS, features
from publish.small_run import IMPORT_RECIPE, RECIPE, SECRET, Build, build_run

CONFIGS = ("sft", "traces", "preference", "privileged", "rl")
ALL = "configs: [sft, traces, preference, privileged, rl]"
RECIPE_OF_ALL = RECIPE.replace("version: 0.1.0}", f"version: 0.1.0, {ALL}}}")
PROMPT = [{"role": "user", "content": "What is {} + 2?\n\nEnd with the answer in \\boxed{{}}."}]


def load(run: Run, config: str, cache: Path) -> Any:
    return load_dataset(str(run.path / "dataset"), config, split="train", cache_dir=str(cache))


def prompt_of(task_id: str) -> list[dict[str, str]]:
    return [each | {"content": each["content"].format(task_id.removeprefix("task"))} for each in PROMPT]


def by_id(run: Run) -> dict[str, dict[str, Any]]:
    traces = run.scan(TRACES).join(run.scan(VERDICTS), on="trace_id").join(run.scan(MEASURES), on="trace_id")
    return {row["trace_id"]: row for row in traces.collect().iter_rows(named=True)}


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_loads_with_its_features(build: Build, tmp_path: Path, name: str) -> None:
    run = build(recipe=RECIPE_OF_ALL)
    outcome = STAGE.make(run)
    rows = load(run, name, tmp_path)
    assert rows.features == features(plugins.load("configs", name).columns(run))
    assert rows.num_rows == outcome.counts[name]["rows"] > 0


def test_pairs_are_right_and_wrong_and_else_alike(build: Build, tmp_path: Path) -> None:
    run = build(recipe=RECIPE_OF_ALL)
    STAGE.make(run)
    known = by_id(run)
    rows = load(run, "preference", tmp_path)
    for row in rows:
        chosen, rejected = known[row["chosen_trace_id"]], known[row["rejected_trace_id"]]
        assert (chosen["verdict"], rejected["verdict"]) == ("correct", "wrong")
        for name in ("task_id", "privilege", "teacher"):
            assert chosen[name] == rejected[name]
        assert row["prompt"] == prompt_of(row["task_id"])
        for side, trace in (("chosen", chosen), ("rejected", rejected)):
            (message,) = row[side]
            assert message["role"] == "assistant"
            assert message["content"].endswith(trace["response"])
            assert ("<think>" in message["content"]) == bool(trace["reasoning"])
            assert row[f"{side}_band"] == trace["band"]
            assert row[f"{side}_epistemic_density"] == trace["epistemic_density"]
    assert rows["chosen_trace_id"][:] == sorted(rows["chosen_trace_id"][:])
    text = (run.path / "dataset" / "README.md").read_text()
    assert "The mean density is" in text


def test_a_pair_is_never_cut_apart(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = build(recipe=RECIPE_OF_ALL)
    STAGE.make(run)
    whole = {name: load(run, name, tmp_path / "whole").to_list() for name in CONFIGS}
    monkeypatch.setattr("infogap.publish.sorted_rows.SLICE_BYTES", 20)
    STAGE.make(run)
    for name, rows in whole.items():
        assert len(list((run.path / "dataset" / "data" / name).iterdir())) > 1, name
        assert load(run, name, tmp_path / "cut").to_list() == rows, name


def test_privileged_holds_what_the_mixs_teachers_saw_and_only_where_it_is_asked_for(
    build: Build, tmp_path: Path
) -> None:
    run = build(recipe=RECIPE_OF_ALL)
    outcome = STAGE.make(run)
    rows = load(run, "privileged", tmp_path)
    selected = run.scan(MIX).filter("selected").join(run.scan(TRACES), on="trace_id").collect()
    assert rows["context_id"][:] == selected["context_id"].drop_nulls().unique().sort().to_list()
    texts = dict(run.scan(CONTEXTS).select("context_id", "text").collect().iter_rows())
    for row in rows:
        assert row["privileged_context"] == texts[row["context_id"]]
        assert row["prompt"] == prompt_of(row["task_id"])
    assert any("what teachers were shown" in note for note in outcome.notes)
    for name in set(CONFIGS) - {"privileged"}:
        assert SECRET not in load(run, name, tmp_path).to_polars().write_json()


def test_of_several_mixes_each_has_the_contexts_of_its_own_traces(build: Build, tmp_path: Path) -> None:
    run = _two_mixes(build, ("answer", "solution"))
    STAGE.make(run)
    for mix, privilege in (("a", "answer"), ("b", "solution")):
        rows = load(run, f"{mix}-privileged", tmp_path)
        of_mix = run.scan(MIX).filter("selected", mix=mix).join(run.scan(TRACES), on="trace_id").collect()
        assert rows["context_id"][:] == of_mix["context_id"].drop_nulls().unique().sort().to_list()
        assert set(rows["privilege"]) == {privilege}
    assert not (run.path / "dataset" / "data" / "privileged").exists()
    card = (run.path / "dataset" / "README.md").read_text()
    for names in ("`a`, `b`", "`a-privileged`, `b-privileged`"):
        assert card.count(f"In {names}, ") == 1
    assert "In `sft`" not in card


def test_a_mix_whose_teachers_saw_nothing_has_no_contexts_and_lacks_none(build: Build) -> None:
    outcome = STAGE.make(run := _two_mixes(build, ("unguided", "solution")))
    assert outcome.shortfall is None
    assert "b-privileged" in outcome.counts and "a-privileged" not in outcome.counts
    assert "no config `a-privileged`: no teacher of the mix's traces was shown a context" in outcome.notes
    assert "a-privileged" not in (run.path / "dataset" / "README.md").read_text()


def test_contexts_that_no_mix_has_are_lacking_and_the_advice_names_what_the_recipe_lists(build: Build) -> None:
    shortfall = STAGE.make(_two_mixes(build, ("unguided", "unguided"))).shortfall or ""
    assert "nothing to publish as `a-privileged` and `b-privileged`: " in shortfall and "\n" not in shortfall
    assert shortfall.count("leave `privileged` out of publish.configs") == 1


def _two_mixes(build: Build, privileges: tuple[str, str]) -> Run:
    """A run with the mixes `a` and `b`, each of all traces under one privilege."""
    mixes = "balance: {{mixes: {{a: {{privilege: {{{}: 1}}}}, b: {{privilege: {{{}: 1}}}}}},".format(*privileges)
    recipe = RECIPE_OF_ALL.replace("preference, privileged, rl", "privileged").replace("balance: {", mixes)
    run = build(recipe=recipe)
    kinds = run.scan(TRACES).select("trace_id", "privilege")
    single = run.scan(MIX).drop("mix", "selected").join(kinds, on="trace_id").collect()
    with run.rewrite(MIX) as out:
        for mix, privilege in zip(("a", "b"), privileges, strict=True):
            selected = pl.col("privilege") == privilege
            out.write(single.with_columns(mix=pl.lit(mix), selected=selected).select(*MIX.schema))
    return run


def test_rl_holds_the_mixs_tasks_and_nothing_of_this_machine(build: Build, tmp_path: Path) -> None:
    run = build(recipe=RECIPE_OF_ALL)
    tasks = run.scan(TASKS).collect().sort("task_id")
    metadata = ['{"gym":{"name":"gcd"},"row":3}', '{"tolerance":0.1}', *["{}"] * (tasks.height - 2)]
    answers = [None if number == 4 else answer for number, answer in enumerate(tasks["answer"])]
    with run.rewrite(TASKS) as out:
        out.write(tasks.with_columns(metadata=pl.Series(metadata), answer=pl.Series(answers), family=pl.lit(None)))
    outcome = STAGE.make(run)
    assert "1 of the mix's tasks have no gold answer and are not in `rl`" in outcome.notes
    rows = load(run, "rl", tmp_path)
    assert [row["extra_info"]["task_id"] for row in rows] == ["task0", "task1", "task2", "task3", "task5"]
    assert [row["extra_info"]["verifier_settings"] for row in rows][:3] == [
        '{"gym":{"name":"gcd"}}',
        '{"tolerance":0.1}',
        None,
    ]
    for number, row in enumerate(rows):
        task_id = row["extra_info"]["task_id"]
        assert row["data_source"] == "sums.jsonl" and row["ability"] == "math"
        assert row["prompt"] == prompt_of(task_id)
        assert row["reward_model"] == {"style": "rule", "ground_truth": str(int(task_id[-1]) + 2)}
        assert row["extra_info"]["index"] == number


def test_the_difference_of_two_datasets_counts_the_rows_of_every_config(build: Build) -> None:
    one, other = build("one", recipe=RECIPE_OF_ALL), build("other", recipe=RECIPE_OF_ALL)
    mix = other.scan(MIX).collect()
    with other.rewrite(MIX) as out:  # without the first task
        first = other.scan(TRACES).filter(task_id="task0").select("trace_id").collect()
        out.write(mix.filter(~pl.col("trace_id").is_in(first["trace_id"].implode())))
    for run in (one, other):
        STAGE.make(run)
    assert difference(one.path, one.path).same
    found = difference(one.path, other.path).configs
    assert set(found) == set(CONFIGS)
    assert found["traces"]["only_first"] == 0
    assert found["rl"] == {"both": 5, "only_first": 1, "only_second": 0}
    for name in ("sft", "preference", "privileged"):
        assert found[name]["both"] > 0 and found[name]["only_first"] > 0 == found[name]["only_second"], name


@pytest.mark.parametrize(
    ("name", "reason"), [("preference", "both a correct and a wrong"), ("privileged", "no teacher")]
)
def test_a_config_without_rows_is_refused_with_the_reason(build: Build, name: str, reason: str) -> None:
    run = build(recipe=RECIPE.replace("version: 0.1.0}", f"version: 0.1.0, configs: [{name}]}}"))
    with run.rewrite(VERDICTS if name == "preference" else CONTEXTS):
        pass
    with pytest.raises(ShortfallError, match=reason):
        STAGE.make(run)


def test_imported_traces_have_pairs_too(build: Build, tmp_path: Path) -> None:
    run = build(recipe=IMPORT_RECIPE.replace("repo: org/imported}", "repo: org/imported, configs: [preference, rl]}"))
    outcome = STAGE.make(run)
    assert load(run, "preference", tmp_path)[0]["prompt"][0]["content"].endswith(" + 2?")
    assert any("`preference` and `rl`" in note for note in outcome.notes)


def small(folder: Path, cells: list[tuple[str, float]], balance: str = "{}") -> Run:
    """A run whose first task's unguided traces have these verdicts and densities."""
    run = build_run(folder, RECIPE.replace("{size: 10, verdict: {correct: 0.75, wrong: 0.25}}", balance))
    template = run.scan(TRACES).filter(task_id="task0", privilege="unguided").collect().row(0, named=True)
    ids = [f"trace{number}" for number in range(len(cells))]
    measure = run.scan(MEASURES).collect().row(0, named=True)
    traces = [template | {"trace_id": each, "response": f"Response {each}."} for each in ids]
    nothing = dict.fromkeys(VERDICTS.schema)
    verdicts = [nothing | {"trace_id": each, "verdict": verdict} for each, (verdict, _) in zip(ids, cells, strict=True)]
    measures = [
        measure | {"trace_id": each, "epistemic_density": density}
        for each, (_, density) in zip(ids, cells, strict=True)
    ]
    mix = [{"mix": "mix", "trace_id": each, "selected": False, "stratum": None, "reason": "over_quota"} for each in ids]
    for table, rows in ((TRACES, traces), (VERDICTS, verdicts), (MEASURES, measures), (MIX, mix)):
        with run.rewrite(table) as out:
            out.write(table.frame(rows))
    return run


CELLS = st.lists(
    st.tuples(st.sampled_from(["correct", "wrong", "truncated"]), st.integers(0, 9).map(float)), max_size=8
)


def pairs_of(run: Run) -> pl.DataFrame:
    return pairs(run, run.scan(MIX).collect())


@settings(max_examples=30, deadline=None)
@given(CELLS)
def test_pairs_are_the_closest_in_doubt(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, float]]
) -> None:
    found = pairs_of(small(tmp_path_factory.mktemp("pairs"), cells))
    right, wrong = ([density for verdict, density in cells if verdict == each] for each in ("correct", "wrong"))
    few, many = sorted((right, wrong), key=len)
    assert found.height == len(few)
    ids = [*found["chosen"], *found["rejected"]]
    assert len(set(ids)) == len(ids)
    assert {cells[int(each.removeprefix("trace"))][0] for each in found["chosen"]} <= {"correct"}
    assert {cells[int(each.removeprefix("trace"))][0] for each in found["rejected"]} <= {"wrong"}
    least = min(sum(abs(a - b) for a, b in zip(few, order, strict=True)) for order in permutations(many, len(few)))
    assert found["apart"].sum() == pytest.approx(least)


def test_of_a_task_as_many_pairs_as_the_mix_takes_traces_the_closest_first(tmp_path: Path) -> None:
    cells = [("correct", 0.0), ("correct", 5.0), ("wrong", 0.0), ("wrong", 9.0)]
    assert pairs_of(small(tmp_path, cells, "{max_per_task: 1}"))["apart"].to_list() == [0.0]


def test_what_the_mix_has_no_share_for_is_in_no_pair(tmp_path: Path) -> None:
    cells = [("correct", 0.0), ("wrong", 0.0)]
    assert pairs_of(small(tmp_path / "out", cells, "{privilege: {answer: 1.0}}")).is_empty()
    assert len(pairs_of(small(tmp_path / "in", cells, "{privilege: {unguided: 1.0}, verdict: {correct: 1.0}}"))) == 1


@pytest.mark.parametrize("reason", ["duplicate", "leak", "contaminated", "no_response", "error", "task_not_selected"])
def test_what_may_not_be_in_the_mix_is_in_no_pair(tmp_path: Path, reason: str) -> None:
    run = small(tmp_path, [("correct", 0.0), ("wrong", 0.0)])
    mix = run.scan(MIX).collect()
    with run.rewrite(MIX) as out:
        out.write(mix.with_columns(reason=pl.Series([reason, "over_quota"])))
    assert pairs_of(run).is_empty()
