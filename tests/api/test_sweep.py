"""A sweep against a server that counts what it is asked: nothing twice, and the bytes of single runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import infogap
from servers.scripted import Body, Reply, ScriptedServer, completion, replying
from servers.serve import serve

Serving = Callable[[ScriptedServer], str]
SIZES_AND_SAMPLES = {"balance.size": [4, 8], "generate.samples": [1, 3]}


def solver() -> ScriptedServer:
    """Answers rightly where the seed is even, and otherwise with a doubt and 0; no two answers are equal."""

    def script(body: Body, _before: int) -> Reply | None:
        number = int(body["messages"][0]["content"].split("What is ")[1].split(" ")[0])
        seed = body["seed"]
        right = rf"Attempt {seed}, and {seed % 1000} more. So it is \boxed{{{2 * number}}}."
        return replying(completion(right if seed % 2 == 0 else rf"Wait, perhaps {seed} it is \boxed{{0}}."))

    return ScriptedServer(script)


def recipe(folder: Path, url: str, **more: Any) -> dict[str, Any]:
    tasks = [{"question": f"What is {n} + {n}?", "answer": str(2 * n), "family": f"f{n % 2}"} for n in range(1, 7)]
    (folder / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    return {
        "name": "demo",
        "seed": 5,
        "tasks": [{"from": str(folder / "tasks.jsonl"), "columns": {"family": "family"}}],
        "teacher": {"backend": "openai", "model": "m", "base_url": url, "concurrency": 4},
        "generate": {"samples": 2, "privileges": ["unguided", "answer"]},
        "balance": {"verdict": "uniform", "leak": "keep"},
    } | more


def asked(server: ScriptedServer) -> list[tuple[str, int]]:
    return [(body["messages"][0]["content"], body["seed"]) for body in server.bodies]


def files(folder: Path) -> dict[str, bytes]:
    """All that a run has made, but for what is no result."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [path.relative_to(folder) for path in paths]
    return {
        str(name): path.read_bytes()
        for name, path in zip(names, paths, strict=True)
        if not name.name.startswith(".") and "cache" not in name.parts and name.name != "times.json"
    }


@dataclass(frozen=True)
class Swept:
    """A sweep over SIZES_AND_SAMPLES: the base recipe, its server, the folder and the comparison."""

    base: dict[str, Any]
    server: ScriptedServer
    asked: list[tuple[str, int]]
    folder: Path
    compared: pl.DataFrame


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    """Made once, and only looked at. Its server stays, for copies that are swept again."""
    folder, server = tmp_path_factory.mktemp("swept"), solver()
    with serve(server.app) as url:
        base = recipe(folder, f"{url}/v1")
        compared = infogap.sweep(base, SIZES_AND_SAMPLES, folder / "sweep", quiet=True)
        yield Swept(base, server, asked(server), folder / "sweep", compared)


def test_a_request_is_sent_once_and_every_cell_is_the_run_of_its_recipe(tmp_path: Path, swept: Swept) -> None:
    base, compared = swept.base, swept.compared
    assert len(swept.asked) == len(set(swept.asked)) == 6 * 2 * 3
    assert compared["balance.size"].to_list() == [4, 4, 8, 8]
    assert compared["generate.samples"].to_list() == [1, 3, 1, 3]
    assert compared["traces"].to_list() == [12, 36, 12, 36]
    assert compared["mix"].to_list() == compared["target"].to_list() == [4, 4, 8, 8]
    assert compared["state"].to_list() == ["done"] * 4

    for name, samples, size in zip(compared["cell"], compared["generate.samples"], compared["mix"], strict=True):
        alone = infogap.Run.create(
            base, tmp_path / "alone" / name, overrides=[f"balance.size={size}", f"generate.samples={samples}"]
        )
        alone.update(quiet=True)
        assert files(alone.path) == files(swept.folder / name)


def test_figures_are_those_of_the_tables(swept: Swept) -> None:
    compared = swept.compared
    for row in compared.iter_rows(named=True):
        traces = infogap.Run.open(swept.folder / row["cell"]).joined().collect()
        mix = traces.filter("selected")
        assert row["traces"] == traces.height
        assert row["accuracy"] == pytest.approx((traces["verdict"] == "correct").mean())
        assert row["density"] == pytest.approx(traces["epistemic_density"].mean())
        assert row["leak_rate"] == pytest.approx(traces["leak"].mean())
        assert row["tokens"] == traces["completion_tokens"].sum()
        assert row["mix"] == mix.height
        assert row["mix_tasks"] == mix["task_id"].n_unique()
        assert row["mix_families"] == mix["family"].n_unique()
        assert row["mix_tokens"] == mix["completion_tokens"].sum()
        assert row["mix_accuracy"] == 0.5
        assert row["mix_density"] == pytest.approx(mix["epistemic_density"].mean())
    assert compared["accuracy"].is_between(0.05, 0.95).all()
    assert (compared["density"] > 0).all()
    written = pl.read_csv(swept.folder / "sweep.csv")
    assert written.columns == compared.columns
    assert written["mix_density"].to_list() == compared["mix_density"].to_list()
    cells = json.loads((swept.folder / "sweep.json").read_bytes())["cells"]
    assert cells[3]["settings"] == {"balance.size": "8", "generate.samples": "3"}
    assert [cell["mix_tokens"] for cell in cells] == compared["mix_tokens"].to_list()


def test_a_second_sweep_does_nothing_and_a_larger_one_what_is_new(tmp_path: Path, swept: Swept) -> None:
    base, server = swept.base, swept.server
    subprocess.run(["cp", "-a", swept.folder, tmp_path / "sweep"], check=True)  # with its hard links
    before = files(tmp_path / "sweep")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("part-*.parquet")}
    server.bodies.clear()
    infogap.sweep(base, SIZES_AND_SAMPLES, tmp_path / "sweep", quiet=True)
    assert files(tmp_path / "sweep") == before
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("part-*.parquet")} == times
    assert asked(server) == []

    grown = {"balance.size": [2, 8], "generate.samples": [3, 4]}
    compared = infogap.sweep(base, grown, tmp_path / "sweep", quiet=True)
    assert len(asked(server)) == 6 * 2
    assert compared["traces"].to_list() == [36, 48, 36, 48]
    assert set(before) - set(files(tmp_path / "sweep")) == set()


def test_what_is_shared_takes_no_space_and_what_is_borrowed_does_not_stay(swept: Swept) -> None:
    parts = [swept.folder / name / "traces" / "part-00000.parquet" for name in swept.compared["cell"]]
    inodes = [part.stat().st_ino for part in parts]
    assert inodes[0] == inodes[2] and inodes[1] == inodes[3] and inodes[0] != inodes[1]
    assert list(swept.folder.rglob("traces/cache/*.parquet")) == []


def test_privileges_and_rounds_share_requests_too(tmp_path: Path, serving: Serving) -> None:
    server = solver()
    base = recipe(tmp_path, serving(server), balance={"when_short": "shrink"})
    ladders = [["unguided"], ["unguided", "verifier"], ["unguided", "answer", "verifier"]]
    settings = {"generate.privileges": ladders, "generate.until": [None, {"correct": 2, "max_attempts": 6}]}
    compared = infogap.sweep(base, settings, tmp_path / "sweep", quiet=True)
    assert len(set(asked(server))) == len(asked(server))
    traces = pl.concat(
        [infogap.Run.open(tmp_path / "sweep" / name).table("traces").collect() for name in compared["cell"]]
    )
    assert len(asked(server)) == traces["trace_id"].n_unique() < traces.height
    assert compared["generate.privileges"][1] == '["unguided"]'


def test_other_sampling_shares_the_tasks_alone(tmp_path: Path, serving: Serving) -> None:
    server = solver()
    base = recipe(tmp_path, serving(server))
    compared = infogap.sweep(base, {"teacher.sampling.temperature": [0.2, 0.8]}, tmp_path / "sweep", quiet=True)
    assert compared["teacher.sampling.temperature"].to_list() == [0.2, 0.8]
    assert len(server.bodies) == 2 * 6 * 2 * 2
    tasks = {(tmp_path / "sweep" / name / "tasks" / "part-00000.parquet").stat().st_ino for name in compared["cell"]}
    assert len(tasks) == 1
    assert list((tmp_path / "sweep").rglob("traces/cache/*.parquet")) == []


def test_a_cell_that_falls_short_is_told_and_the_others_are_made(tmp_path: Path, serving: Serving) -> None:
    base = recipe(tmp_path, serving(solver()))
    settings = {"balance.size": [400, 4], "balance.when_short": ["error", "shrink"]}
    compared = infogap.sweep(base, settings, tmp_path / "sweep", quiet=True)
    assert compared["state"].to_list() == ["short", "short", "done", "done"]
    assert compared["met"].to_list() == [False, False, True, True]
    assert compared["target"].to_list() == [400, 400, 4, 4]
    none, shrunk, *_ = compared["mix"]
    assert none is None
    assert 0 < shrunk < 24
    assert "the targets of a mix of 400 traces cannot all be met" in compared["shortfall"][0]
    assert "\n  - generate " in compared["shortfall"][0]
    assert compared["traces"].to_list() == [24] * 4
    again = infogap.sweep(base, settings, tmp_path / "sweep", quiet=True)
    assert again.equals(compared)


def test_a_cell_of_several_mixes_has_a_row_for_each(tmp_path: Path, serving: Serving) -> None:
    balance = {
        "leak": "keep",
        "when_short": "shrink",
        "mixes": {
            "plain": {"privilege": {"unguided": 1.0}, "size": 2},
            "guided": {"privilege": {"answer": 1.0}, "size": 400},
        },
    }
    base, folder = recipe(tmp_path, serving(solver()), balance=balance), tmp_path / "sweep"
    compared = infogap.sweep(base, {"generate.samples": [3, 4]}, folder, quiet=True)
    assert compared["generate.samples"].to_list() == [3, 3, 4, 4]
    assert compared["mix_name"].to_list() == ["plain", "guided"] * 2
    assert compared["target"].to_list() == [2, 400] * 2
    assert compared["state"].to_list() == ["done", "short"] * 2
    assert compared["met"].to_list() == [True, False] * 2
    plain, guided = compared["shortfall"][:2]
    assert plain is None
    assert guided.startswith("balance: the targets of a mix of 400 traces cannot all be met")
    assert "plain: " not in guided and "guided: " not in guided
    for row in compared.iter_rows(named=True):
        run = infogap.Run.open(folder / row["cell"])
        chosen = run.table("mix").filter(pl.col("mix") == row["mix_name"], "selected").collect()
        traces = run.table("traces").collect().join(chosen, on="trace_id", how="semi")
        assert row["mix"] == traces.height > 0
        assert row["mix_tokens"] == traces["completion_tokens"].sum()
        assert row["mix_tasks"] == traces["task_id"].n_unique()
        assert traces["privilege"].unique().to_list() == ["unguided" if row["mix_name"] == "plain" else "answer"]
    assert pl.read_csv(folder / "sweep.csv").columns == compared.columns
    cells = json.loads((folder / "sweep.json").read_bytes())["cells"]
    assert [cell["mix_name"] for cell in cells] == compared["mix_name"].to_list()
    assert cells[1]["settings"] == {"generate.samples": "3"}


def test_sizes_in_words_and_in_text_have_the_target_they_came_to(tmp_path: Path, serving: Serving) -> None:
    base = recipe(tmp_path, serving(solver()))
    compared = infogap.sweep(base, {"balance.size": ["max", {"tokens": 40}, 4]}, tmp_path / "sweep", quiet=True)
    assert "mix_name" not in compared.columns
    assert compared["target"].to_list() == compared["mix"].to_list()
    largest, of_tokens, four = compared["mix"]
    assert largest > of_tokens > 0 and four == 4
    assert compared["mix_tokens"][1] <= 40
    short = recipe(tmp_path, serving(solver()), balance={"band": {"mixed": 1.0}})
    again = infogap.sweep(short, {"balance.size": ["max", {"tokens": 40}, 4]}, tmp_path / "short", quiet=True)
    assert again["target"].to_list() == [None, None, 4]


def test_a_mix_of_an_earlier_recipe_is_not_counted(tmp_path: Path, serving: Serving) -> None:
    base, folder = recipe(tmp_path, serving(solver())), tmp_path / "sweep"
    infogap.sweep(base, {"balance.max_per_task": [3, 4]}, folder, quiet=True)
    short = infogap.sweep(base | {"balance": {"size": 400}}, {"balance.max_per_task": [3, 4]}, folder, quiet=True)
    assert short["mix"].to_list() == [None, None]
    assert short["mix_tokens"].to_list() == [None, None]


def test_every_wrong_recipe_of_the_grid_is_refused_before_anything_runs(tmp_path: Path, serving: Serving) -> None:
    server = solver()
    base = recipe(tmp_path, serving(server))
    settings = {"balance.size": [4, 0], "generate.samples": [1, "many"], "balance.leak": "drop"}
    with pytest.raises(infogap.RecipeError) as refused:
        infogap.sweep(base, settings, tmp_path / "sweep")
    said = str(refused.value).splitlines()
    assert len(said) == 2
    assert any(line.startswith("--set balance.size=0: balance.size: ") for line in said)
    assert any(line.startswith("--set generate.samples=many: generate.samples: ") for line in said)
    with pytest.raises(infogap.InputError, match="no_such_column"):
        infogap.sweep(base, {"balance.where": ["words > 1", "no_such_column > 1"]}, tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()
    assert server.bodies == []


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path, serving: Serving) -> None:
    base = recipe(tmp_path, serving(solver()))
    run = infogap.Run.create(base, tmp_path / "run")
    before = files(run.path)
    with pytest.raises(infogap.InputError, match="is not a sweep, and not empty"):
        infogap.sweep(base, SIZES_AND_SAMPLES, run.path)
    assert files(run.path) == before


def test_failed_requests_are_counted_and_not_sent_again_for_the_same_traces(tmp_path: Path, serving: Serving) -> None:
    def script(body: Body, _before: int) -> Reply | None:
        return replying(completion(None, "content_filter")) if body["seed"] % 3 == 0 else None

    server = ScriptedServer(script)
    base = recipe(tmp_path, serving(server), balance={"verdict": "uniform", "when_short": "shrink"})
    compared = infogap.sweep(base, {"balance.max_per_task": [1, 2]}, tmp_path / "sweep", quiet=True)
    failed = sum(seed % 3 == 0 for _, seed in asked(server))
    assert failed > 0
    assert compared["failed"].to_list() == [failed] * 2
    assert compared["traces"].to_list() == [24 - failed] * 2
    assert len(asked(server)) == 24


def test_traces_of_an_earlier_base_recipe_are_there_when_it_comes_back(tmp_path: Path, serving: Serving) -> None:
    server = solver()
    base, settings = recipe(tmp_path, serving(server)), {"balance.size": [4, 8]}
    first = infogap.sweep(base, settings, tmp_path / "sweep", quiet=True)
    infogap.sweep(base | {"seed": 6}, settings, tmp_path / "sweep", quiet=True)
    assert len(server.bodies) == 2 * 24
    again = infogap.sweep(base, settings, tmp_path / "sweep", quiet=True)
    assert again.equals(first)
    assert len(server.bodies) == 2 * 24
