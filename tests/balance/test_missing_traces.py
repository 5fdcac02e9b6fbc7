"""A mix that is short is topped up: what lacks is generated in bounded rounds, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import infogap
from infogap.errors import ShortfallError
from infogap.generate.top_up_plan import TopUpPlan
from servers.scripted import Body, Reply, ScriptedServer, completion, replying

Serving = Callable[[ScriptedServer], str]
Overrides = dict[str, Any]
TASKS = 8  # half of them in the family `even`, half in `odd`


def teacher(right: Callable[[int, int], bool]) -> ScriptedServer:
    """Answers `What is N?` rightly where `right` says so of N and the seed, else with 0; in words of its own."""

    def script(body: Body, _before: int) -> Reply | None:
        number = int(re.findall(r"What is (\d+)\?", body["messages"][0]["content"])[0])
        words = " ".join(f"w{body['seed'] % (7919 + place)}" for place in range(12))
        answer = number if right(number, body["seed"]) else 0
        return replying(completion(rf"{words}. So it is \boxed{{{answer}}}"))

    return ScriptedServer(script)


def sometimes(number: int, seed: int) -> bool:
    """Of odd numbers every trace is right, of even ones one in three."""
    return number % 2 == 1 or seed % 3 == 0


def make(folder: Path, url: str, balance: Overrides, **generate: Any) -> infogap.Run:
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [
        {"question": f"What is {n}?", "answer": str(n), "solution": f"It is {n}.", "family": ("even", "odd")[n % 2]}
        for n in range(1, TASKS + 1)
    ]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    recipe = {
        "name": "demo",
        "seed": 5,
        "tasks": [{"from": str(folder / "tasks.jsonl"), "columns": {"family": "family", "solution": "solution"}}],
        "teacher": {"backend": "openai", "model": "m", "base_url": url, "concurrency": 4, "attempts": 1},
        "generate": {"samples": 1, "privileges": ["unguided"]} | generate,
        "balance": balance,
    }
    return infogap.Run.create(recipe, folder / "run")


def selected(run: infogap.Run) -> pl.DataFrame:
    return run.joined().filter("selected").sort("trace_id").collect()


def tables(run: infogap.Run) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for name in ("traces", "contexts", "verdicts", "measures", "duplicates", "mix", "dataset")
        for path in sorted((run.path / name).rglob("*.parquet"))
        if "cache" not in path.parts
    }


EVEN_MIX = {"size": 24, "family": "uniform", "top_up": {"rounds": 4}}


@pytest.mark.usefixtures("up_to_the_mix")
def test_what_lacks_is_generated_and_nothing_else(
    tmp_path: Path, serving: Serving, capfd: pytest.CaptureFixture[str]
) -> None:
    server = teacher(sometimes)
    run = make(tmp_path, serving(server), EVEN_MIX, samples=3)
    updates = {update.stage: update for update in run.update()}
    chosen = selected(run)
    assert dict(chosen["family"].value_counts().iter_rows()) == {"even": 12, "odd": 12}
    assert set(chosen["verdict"]) == {"correct"}
    traces = run.table("traces").collect()
    assert traces.height == len(server.bodies) == traces["trace_id"].n_unique()
    more = traces.filter(pl.col("round") > 0).join(run.table("tasks").collect(), on="task_id")
    assert set(more["family"]) == {"even"}  # of the other there are enough
    rounds = TopUpPlan.read(run.folder).rounds
    assert 1 <= len(rounds) <= 4
    assert more.height == sum(each.requests for each in rounds)
    said = capfd.readouterr().err
    for number, each in enumerate(rounds, 1):
        assert f"round {number} of 4: {each.missing:,} missing" in said
        assert f"{each.requests:,} requests" in said
        assert each.missing <= each.requests <= 8 * each.missing
    assert (updates["tasks"].was, updates["generate"].was, updates["balance"].was) == ("missing",) * 3
    assert f"top_up: round 1 sent {rounds[0].requests} requests: {rounds[0].missing} missing before" in said


@pytest.mark.usefixtures("up_to_the_mix")
def test_samples_are_numbered_on_and_the_earlier_traces_stay(tmp_path: Path, serving: Serving) -> None:
    server = teacher(sometimes)
    url = serving(server)
    without = make(tmp_path / "without", url, {"when_short": "shrink"}, samples=2)
    without.update(quiet=True)
    run = make(tmp_path / "with", url, {**EVEN_MIX, "size": 16}, samples=2)
    run.update(quiet=True)
    before, after = (each.table("traces").collect() for each in (without, run))
    kept = after.join(before, on="trace_id", how="semi")
    assert kept.sort("trace_id").equals(before.sort("trace_id"))
    assert after.height > before.height
    for samples in after.group_by("task_id").agg("sample")["sample"].to_list():
        assert sorted(samples) == list(range(len(samples)))
    counts = after.filter(pl.col("round") == 1)["task_id"].value_counts()["count"]
    assert counts.max() - counts.min() <= 1  # type: ignore[operator]


@pytest.mark.usefixtures("up_to_the_dataset")
def test_a_second_run_asks_nothing_and_status_is_clean(tmp_path: Path, serving: Serving) -> None:
    server = teacher(sometimes)
    run = make(tmp_path, serving(server), EVEN_MIX, samples=3)
    run.update(quiet=True)
    asked, before = len(server.bodies), tables(run)
    assert {state.state for state in run.status()} == {"done"}
    again = infogap.Run.open(run.path)
    assert not any(update.made for update in again.update(quiet=True))
    assert len(server.bodies) == asked
    assert tables(again) == before


@pytest.mark.usefixtures("up_to_the_dataset")
def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path, serving: Serving) -> None:
    url = serving(teacher(sometimes))
    runs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        runs.append(make(tmp_path / "tasks", url, EVEN_MIX, samples=3))
        runs[-1] = infogap.Run.create(runs[-1].recipe.model_dump(by_alias=True), tmp_path / name / "run")
        runs[-1].update(quiet=True)
    assert tables(runs[0]) == tables(runs[1])
    assert (runs[0].path / "top_up.json").read_bytes() == (runs[1].path / "top_up.json").read_bytes()


@pytest.mark.usefixtures("up_to_the_mix")
def test_rounds_are_bounded_and_the_shortfall_says_what_each_has_brought(tmp_path: Path, serving: Serving) -> None:
    server = teacher(lambda number, _seed: number % 2 == 1)  # even ones are never right
    balance = {"size": 12, "verdict": {"correct": 1}, "family": {"even": 0.5, "odd": 0.5}, "top_up": {"rounds": 2}}
    run = make(tmp_path, serving(server), balance)
    with pytest.raises(ShortfallError) as short:
        run.update(quiet=True)
    rounds = TopUpPlan.read(run.folder).rounds
    assert len(rounds) == 2
    assert len(server.bodies) == TASKS + sum(each.requests for each in rounds)
    assert f"round 1 sent {rounds[0].requests} requests: {rounds[0].missing} missing before, " in str(short.value)
    assert f"round 2 sent {rounds[1].requests} requests: 6 missing before, 6 after" in str(short.value)
    assert rounds[0].missing == 6 + 2  # of the odd ones there are 4 of 6
    asked = len(server.bodies)
    with pytest.raises(ShortfallError):
        run.update(quiet=True)
    assert len(server.bodies) == asked
    smaller = infogap.Run.create(
        run.recipe.model_dump(by_alias=True), run.path, overrides=["balance.when_short=shrink"]
    )
    with pytest.raises(ShortfallError):
        smaller.update(quiet=True)
    assert len(server.bodies) == asked
    assert {state.state for state in smaller.status()} == {"done"}


@pytest.mark.usefixtures("up_to_the_mix")
def test_more_rounds_go_on_from_those_there_are(tmp_path: Path, serving: Serving) -> None:
    server = teacher(sometimes)
    balance = {"size": 40, "family": "uniform", "top_up": {"rounds": 1}, "when_short": "shrink", "max_per_task": 6}
    run = make(tmp_path, serving(server), balance)
    with pytest.raises(ShortfallError):
        run.update(quiet=True)
    first = TopUpPlan.read(run.folder).rounds
    further = infogap.Run.create(run.recipe.model_dump(by_alias=True), run.path, overrides=["balance.top_up.rounds=9"])
    further.update(quiet=True)
    rounds = TopUpPlan.read(further.folder).rounds
    assert rounds[:1] == first
    assert selected(further).height == 40
    asked = len(server.bodies)
    assert asked == further.table("traces").collect().height
    back = infogap.Run.create(run.recipe.model_dump(by_alias=True), run.path)
    with pytest.raises(ShortfallError):
        back.update(quiet=True)
    assert back.table("traces").collect().height == TASKS + first[0].requests
    again = infogap.Run.create(further.recipe.model_dump(by_alias=True), run.path)
    again.update(quiet=True)
    assert len(server.bodies) == asked  # all of it was in the cache


@pytest.mark.parametrize("change", ["balance.top_up=null", "balance.size=6", "balance.family={even: 0.25, odd: 0.75}"])
def test_another_recipe_drops_the_plan_and_keeps_what_is_paid(
    tmp_path: Path, serving: Serving, change: str, capfd: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    if change != "balance.size=6":  # this one to the end
        request.getfixturevalue("up_to_the_mix")
    server = teacher(sometimes)
    url = serving(server)
    run = make(tmp_path, url, EVEN_MIX, samples=3)
    run.update(quiet=True)
    before, rounds = tables(run), TopUpPlan.read(run.folder).rounds
    changed = infogap.Run.create(
        run.recipe.model_dump(by_alias=True), run.path, overrides=[change, "balance.when_short=shrink"]
    )
    assert {state.stage: state.state for state in changed.status()}["generate"] == "stale"
    capfd.readouterr()
    try:
        changed.update()
    except ShortfallError:
        assert change == "balance.top_up=null"
    dropped = f"the top-up of an earlier recipe ({sum(each.requests for each in rounds)} requests in"
    assert dropped in " ".join(capfd.readouterr().err.split())
    fresh = make(tmp_path / "fresh", url, EVEN_MIX, samples=3)
    recipe = changed.recipe.model_dump(by_alias=True)
    fresh = infogap.Run.create(recipe, tmp_path / "fresh" / "run")
    try:
        fresh.update(quiet=True)
    except ShortfallError:
        assert change == "balance.top_up=null"
    assert tables(fresh) == tables(changed)
    asked = len(server.bodies)
    back = infogap.Run.create(run.recipe.model_dump(by_alias=True), run.path)
    back.update(quiet=True)
    assert len(server.bodies) == asked
    assert tables(back) == before


@pytest.mark.usefixtures("up_to_the_mix")
def test_tasks_that_have_given_all_they_may_are_not_asked_again(tmp_path: Path, serving: Serving) -> None:
    server = teacher(lambda number, _seed: number > 2)  # two tasks are never right
    balance = {"size": 16, "max_per_task": 2, "top_up": {"rounds": 3}}
    run = make(tmp_path, serving(server), balance, samples=2)
    with pytest.raises(ShortfallError, match="the targets of a mix of 16 traces cannot all be met"):
        run.update(quiet=True)
    more = run.table("traces").filter(pl.col("round") > 0).join(run.table("tasks"), on="task_id").collect()
    assert set(more["answer"]) == {"1", "2"}


@pytest.mark.usefixtures("up_to_the_mix")
def test_nothing_is_asked_where_no_sample_can_help(tmp_path: Path, serving: Serving) -> None:
    server = teacher(lambda *_: True)
    run = make(tmp_path, serving(server), {"size": 20, "max_per_task": 2, "top_up": {"rounds": 3}}, samples=2)
    with pytest.raises(ShortfallError, match="top_up: no further sample of any task can supply what is missing"):
        run.update(quiet=True)
    assert len(server.bodies) == 2 * TASKS


@pytest.mark.usefixtures("up_to_the_mix")
def test_tasks_for_a_coverage_are_brought_to_what_it_asks_of_them(tmp_path: Path, serving: Serving) -> None:
    server = teacher(sometimes)
    balance = {"coverage": {"tasks": 7, "per_task": 2}, "top_up": {"rounds": 6}}
    run = make(tmp_path, serving(server), balance)
    run.update(quiet=True)
    assert selected(run)["task_id"].value_counts()["count"].to_list() == [2] * 7
    again = make(
        tmp_path / "families",
        serving(teacher(sometimes)),
        balance | {"coverage": {"families": 2, "tasks_per_family": 4, "per_task": 2}},
    )
    again.update(quiet=True)
    assert selected(again).group_by("family").len()["len"].to_list() == [8, 8]


@pytest.mark.usefixtures("up_to_the_mix")
def test_each_of_several_mixes_gets_what_it_lacks(tmp_path: Path, serving: Serving) -> None:
    mixes = {
        "blind": {"privilege": {"unguided": 1}, "size": 14},
        "guided": {"privilege": {"solution": 1}, "size": 10},
        "errors": {"privilege": {"unguided": 1}, "verdict": {"wrong": 1}, "size": 3},
    }
    run = make(
        tmp_path,
        serving(teacher(sometimes)),
        {"mixes": mixes, "top_up": {"rounds": 5}},
        privileges=["unguided", "solution"],
    )
    run.update(quiet=True)
    sizes = run.table("mix").filter("selected").group_by("mix").len().collect()
    assert dict(sizes.iter_rows()) == {"blind": 14, "guided": 10, "errors": 3}


@pytest.mark.usefixtures("up_to_the_mix")
def test_only_the_teacher_that_lacks_traces_is_asked(tmp_path: Path, serving: Serving) -> None:
    able, weak = teacher(lambda *_: True), teacher(sometimes)
    one, two = serving(able), serving(weak)
    run = make(tmp_path, one, {})
    recipe = run.recipe.model_dump(by_alias=True, exclude_none=True)
    first = recipe.pop("teacher")
    recipe["teachers"] = {"able": first, "weak": first | {"base_url": two}}
    recipe["balance"] = {
        "size": 16,
        "teacher": {"able": 0.5, "weak": 0.5},
        "allow_mixed_teachers": True,
        "top_up": {"rounds": 5},
    }
    run = infogap.Run.create(recipe, tmp_path / "two")
    run.update(quiet=True)
    assert len(able.bodies) == TASKS
    assert len(weak.bodies) > TASKS
    assert dict(selected(run)["teacher"].value_counts().iter_rows()) == {"able": 8, "weak": 8}


@pytest.mark.usefixtures("up_to_the_mix")
def test_new_samples_of_a_chain_of_attempts_have_their_turns(tmp_path: Path, serving: Serving) -> None:
    server = teacher(lambda _number, seed: seed % 3 == 0)
    privileges: list[Any] = ["unguided", {"verifier": {"turns": 3}}]
    balance = {"privilege": {"verifier": 1}, "size": 12, "top_up": {"rounds": 6}}
    run = make(tmp_path, serving(server), balance, privileges=privileges)
    run.update(quiet=True)
    traces = run.table("traces").join(run.table("verdicts"), on="trace_id").collect()
    assert selected(run).height == 12
    last = traces.filter(privilege="unguided")["round"].max()
    assert last == 0
    for chain in traces.filter(privilege="verifier").sort("round").partition_by("task_id", "sample"):
        verdicts = chain["verdict"].to_list()
        assert set(verdicts[:-1]) <= {"wrong"}
        assert verdicts[-1] == "correct" or chain.height == 3
    assert len(server.bodies) == traces.height
    # What the recipe's own rounds asked does not depend on what was topped up.
    without = infogap.Run.create(
        run.recipe.model_dump(by_alias=True), tmp_path / "without", overrides=["balance={when_short: shrink}"]
    )
    without.update("tasks", quiet=True)
    without.update("generate", quiet=True)
    assert set(without.table("traces").collect()["trace_id"]) < set(traces["trace_id"])


@pytest.mark.usefixtures("up_to_the_mix")
def test_max_attempts_holds_for_a_top_up_too(tmp_path: Path, serving: Serving) -> None:
    server = teacher(lambda _number, seed: seed % 2 == 0)
    run = make(
        tmp_path,
        serving(server),
        {"size": 100, "top_up": {"rounds": 9}, "when_short": "shrink"},
        until={"correct": 1, "max_attempts": 3},
    )
    with pytest.raises(ShortfallError, match="no further sample of any task"):
        run.update(quiet=True)
    assert run.table("traces").collect()["task_id"].value_counts()["count"].to_list() == [3] * TASKS


@pytest.mark.usefixtures("up_to_the_mix")
def test_a_budget_is_for_the_whole_command(tmp_path: Path, serving: Serving) -> None:
    server = teacher(sometimes)
    run = make(tmp_path / "run", serving(server), EVEN_MIX)
    stops = 0
    while True:
        before = len(server.bodies)
        try:
            run.update(quiet=True, max_requests=9)
            break
        except infogap.StoppedError:
            stops += 1
            assert len(server.bodies) == before + 9
    assert stops >= 2
    url = serving(teacher(sometimes))
    plain = make(tmp_path / "plain", url, EVEN_MIX)
    plain.update(quiet=True)
    assert plain.table("traces").collect().equals(run.table("traces").collect())


def test_imported_traces_cannot_be_topped_up() -> None:
    recipe = {"name": "d", "import": [{"from": "t.jsonl", "columns": {"trace": "text"}}], "balance": {"top_up": {}}}
    with pytest.raises(infogap.RecipeError, match=r"balance\.top_up: a recipe with `import` has no teacher"):
        infogap.Run.create(recipe)


@pytest.mark.usefixtures("up_to_the_mix")
def test_matched_mixes_are_topped_up_until_they_have_their_size(tmp_path: Path, serving: Serving) -> None:
    mixes = {"blind": {"privilege": {"unguided": 1}}, "guided": {"privilege": {"solution": 1}}}
    balance = {"mixes": mixes, "match": {"on": "task"}, "size": 14, "top_up": {"rounds": 6}}
    run = make(tmp_path, serving(teacher(sometimes)), balance, privileges=["unguided", "solution"])
    run.update(quiet=True)
    chosen = run.table("mix").filter("selected").join(run.table("traces"), on="trace_id").collect()
    per_task = [dict(each["task_id"].value_counts().sort("task_id").iter_rows()) for each in chosen.partition_by("mix")]
    assert per_task[0] == per_task[1]
    assert sum(per_task[0].values()) == 14


@pytest.mark.parametrize(
    ("balance", "why"),
    [
        (
            {"size": 16, "family": {"cap": 3}},
            "raise the cap of `family`: on 2 values, it leaves room for 6 of 16 traces",
        ),
        ({"size": 16, "family": {"shares": "uniform", "cap": 0.2}}, "raise the cap of `family`: on 2 values"),
        ({"size": 10, "family": {"floor": 6}}, "lower the floor of `family`: on 2 values, it adds up to 12, which is"),
        ({"size": 16, "max_per_task": 1}, "raise `max_per_task`: with 1, 8 tasks can give 8 of 16 traces"),
        ({"coverage": {"tasks": 9, "per_task": 2}}, "9 tasks with 2 traces each"),
        ({"coverage": {"families": 3, "tasks_per_family": 1}}, "3 families with 1 task"),
    ],
)
def test_nothing_is_asked_for_targets_that_no_sample_can_meet(
    tmp_path: Path, serving: Serving, balance: Overrides, why: str
) -> None:
    server = teacher(sometimes)
    run = make(tmp_path, serving(server), balance | {"top_up": {"rounds": 3}})
    for _ in range(2):
        with pytest.raises(ShortfallError) as error:
            run.update(quiet=True)
        assert why in str(error.value)
        assert "more trace" not in str(error.value)
        assert "top_up: no further sample of any task can supply what is missing" in str(error.value)
    assert len(server.bodies) == TASKS


@pytest.mark.usefixtures("up_to_the_mix")
def test_a_range_that_no_trace_has_yet_may_still_be_filled(tmp_path: Path, serving: Serving) -> None:
    run = make(tmp_path, serving(teacher(sometimes)), {"size": 8, "words": {"cuts": [5], "cap": 7}})
    with pytest.raises(ShortfallError, match="generate 2 more"):
        run.update(quiet=True)
