"""Runs of code tasks against a server: graded, tried again with the failing test; refused without a sandbox."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cli.in_process import infogap
from generate.solving import Serving
from infogap.errors import ExternalError
from infogap.generate import STAGE as GENERATE
from infogap.recipe import RecipeError, load_recipe
from infogap.runs.pipeline import stages
from infogap.runs.run_folder import Run
from infogap.runs.staleness import Staleness
from infogap.schema import CONTEXTS, TRACES, VERDICTS
from infogap.schema import TASKS as TASKS_TABLE
from infogap.tasks import STAGE as TASKS
from infogap.tasks.task_checks import solution_agreement
from infogap.verify import STAGE as VERIFY
from infogap.verify.programs import bubblewrap
from infogap.verify.verifiers.code import VERIFIER
from rows.format_rows import TASK_ROWS
from servers.scripted import Body, Reply, ScriptedServer, completion, replying
from tasks.small_recipes import task_run, write_jsonl
from verify.programs.small_functions import FILE
from verify.programs.small_functions import TASKS as SMALL

_GENERATE = """
  samples: 2
  instruction: Write a program.
  privileges: [unguided, {verifier: {verdict: test, turns: 2}}, solution]
"""

_TWO_RUNGS = "{samples: 2, instruction: Write., privileges: [unguided, {verifier: {verdict: test}}]}"


def make_run(folder: Path, url: str, generate: str = _GENERATE) -> Run:
    file = folder / "recipe.yaml"
    file.write_text(
        "name: coded\nseed: 3\n"
        f"tasks: [{{from: {FILE}, format: humaneval, limit: 5}}]\n"
        f"teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 4, attempts: 1}}\n"
        f"generate: {generate}\nmeasure: {{lexicons: [infogap]}}\n"
        "publish: {version: 0.1.0, configs: [sft, traces, rl]}\n"
    )
    return Run.create(load_recipe(file), folder / "run")


def writer() -> ScriptedServer:
    """Writes a program that returns None, and the solution where the prompt holds a failing test or the solution."""

    def script(body: Body, _before: int) -> Reply | None:
        prompt = body["messages"][0]["content"]
        task = next(task for task in SMALL if task.prompt.strip() in prompt)
        knows = "Its first failing test:" in prompt or task.canonical_solution.strip() in prompt
        text = task.whole if knows else f"{task.prompt}    return None\n"
        return replying(completion(f"Take {body['seed']}.\n```python\n{text}```"))

    return ScriptedServer(script)


@pytest.mark.usefixtures("sandbox")
def test_a_wrong_program_is_tried_again_with_its_failing_test(tmp_path: Path, serving: Serving) -> None:
    run = make_run(tmp_path, serving(writer()))
    TASKS.make(run)
    GENERATE.make(run)
    VERIFY.make(run)
    traces = pl.concat(list(run.parts(TRACES))).join(run.scan(VERDICTS).collect(), on="trace_id")
    verdicts = dict(traces.group_by("privilege").agg(pl.col("verdict").unique().sort()).iter_rows())
    assert verdicts == {"unguided": ["wrong"], "verifier": ["correct"], "solution": ["correct"]}
    details = {row["task_id"]: row["detail"] for row in traces.filter(privilege="unguided").iter_rows(named=True)}
    assert all(" expected " in detail and ", got None" in detail for detail in details.values())
    contexts = run.scan(CONTEXTS).collect().rows(named=True)
    for row in contexts:
        if row["privilege"] == "verifier":
            assert row["text"].endswith(f"\n\nIts first failing test:\n{details[row['task_id']]}")
            assert "assert" not in row["text"]


@pytest.mark.usefixtures("sandbox")
def test_all_stages_run_and_the_tables_are_the_same_again(tmp_path: Path, serving: Serving) -> None:
    url = serving(writer())
    contents = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        run = make_run(tmp_path / name, url, _TWO_RUNGS)
        ran = infogap("run", tmp_path / name / "recipe.yaml", "--run", run.path)
        assert ran.returncode == 0, ran.stderr
        rows = [path for table in ("tasks", "verdicts") for path in sorted((run.path / table).glob("part-*.parquet"))]
        contents.append([path.read_bytes() for path in rows])
        rl = pl.read_parquet(next((run.path / "dataset" / "data" / "rl").glob("*.parquet")))
        assert "check(" in json.loads(rl["reward_model"][0]["ground_truth"])["tests"]
    assert contents[0] == contents[1]


@pytest.mark.usefixtures("sandbox")
def test_verdicts_are_stale_under_another_interpreter(
    tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, serving(writer()), _TWO_RUNGS)
    ran = infogap("run", tmp_path / "recipe.yaml", "--run", run.path)
    assert ran.returncode == 0, ran.stderr
    verify = next(stage for stage in stages(run.recipe) if stage.name == "verify")
    assert Staleness(run, stages(run.recipe)).state(verify).state == "done"
    monkeypatch.setattr(type(VERIFIER), "programs", lambda _: {"python": "9.9.9", "bubblewrap": "0.8.0"})
    assert Staleness(run, stages(run.recipe)).state(verify).state == "stale"


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", [name for name, (_, _, task) in TASK_ROWS.items() if task.get("verifier") == "code"])
def test_the_solutions_of_every_known_layout_pass(tmp_path: Path, name: str) -> None:
    _, row, _ = TASK_ROWS[name]
    if name == "livecodebench":  # which has no solutions
        row = row | {"solution": "class Solution:\n    def double(self, x: int) -> int:\n        return 2 * x"}
    write_jsonl(tmp_path / "tasks.jsonl", [row])
    mapped = ", columns: {solution: solution}" if name == "livecodebench" else ""
    run = task_run(tmp_path, f"  - {{from: tasks.jsonl, format: {name}{mapped}}}")
    TASKS.make(run)
    agreement = solution_agreement(run)
    assert agreement is not None and agreement.verdicts == {"correct": 1}


def _without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "problem", lambda: "bubblewrap (bwrap) is not installed: install it")


def test_without_a_sandbox_check_and_run_refuse_in_one_line(
    tmp_path: Path, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = writer()
    run = make_run(tmp_path, serving(server))
    _without_bubblewrap(monkeypatch)
    for command in (("check",), ("run", "--run", run.path)):
        ran = infogap(command[0], tmp_path / "recipe.yaml", *command[1:])
        assert ran.returncode == 2
        assert (
            "tasks[0].verifier: `verifier: code` cannot grade here: bubblewrap (bwrap) is not installed" in ran.stderr
        )
    assert server.bodies == []


def test_without_a_sandbox_the_stage_refuses_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_bubblewrap(monkeypatch)
    run = make_run(tmp_path, "http://localhost:9/v1")
    TASKS.make(run)
    with run.rewrite(TRACES) as out:
        task_id = run.scan(TASKS_TABLE).collect()["task_id"][0]
        said = {"reasoning": "", "response": "```python\npass\n```", "finish_reason": "stop"}
        out.write(TRACES.frame([dict.fromkeys(TRACES.schema) | {"trace_id": "t", "task_id": task_id} | said]))
    with pytest.raises(ExternalError, match="`verifier: code` cannot grade here: bubblewrap"):
        VERIFY.make(run)


@pytest.mark.parametrize(
    ("source", "generate", "why"),
    [
        (
            "{from: a.jsonl, format: humaneval}",
            "{privileges: [unguided]}",
            r"the default instruction asks for an answer in",
        ),
        (
            "{from: a.jsonl}",
            "{privileges: [unguided, {verifier: {verdict: test}}]}",
            r"privileges\[1\]: 'verifier' shows failing tests, and no source has `verifier: code`",
        ),
        (
            "{from: a.jsonl, columns: {entry_point: f}}",
            "{privileges: [unguided]}",
            "entry_point: is for `verifier: code`",
        ),
    ],
)
def test_recipes_that_cannot_work_are_refused(tmp_path: Path, source: str, generate: str, why: str) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(f"name: a\nseed: 1\ntasks: [{source}]\nteacher: {{backend: embedded}}\ngenerate: {generate}\n")
    with pytest.raises(RecipeError, match=why):
        load_recipe(file)


def rejected(folder: Path, row: dict[str, Any]) -> str:
    good = TASK_ROWS["humaneval"][1]
    write_jsonl(folder / "tasks.jsonl", [good, good | row])
    run = task_run(folder, "  - {from: tasks.jsonl, format: humaneval}")
    TASKS.make(run)
    return str(pl.read_parquet(run.path / "tasks" / "rejected.parquet")["reason"][0])


def test_rows_whose_tests_cannot_run_are_rejected_and_say_why(tmp_path: Path) -> None:
    other = {"prompt": "def g():\n    'G.'\n"}
    needs = "import numpy as np\ndef check(candidate):\n    assert candidate(1)\n"
    assert "import numpy, and the sandbox has the standard library alone" in rejected(tmp_path, other | {"test": needs})
    assert "the tests are not Python" in rejected(tmp_path, other | {"test": "def check("})
