"""A server that solves some tasks, and a run of rounds that asks it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.verify import STAGE as VERIFY
from servers.scripted import Body, Reply, ScriptedServer, completion, replying

Serving = Callable[[ScriptedServer], str]
TASK_COUNT = 8
LADDER = "{samples: 2, privileges: [unguided, verifier, peers, solution_no_think, solution, regenerated]}"


def solver(*right: str) -> ScriptedServer:
    """Answers `What is N?` rightly where the prompt holds a text of `right`, or the seed is even; else with 0."""

    def script(body: Body, _before: int) -> Reply | None:
        prompt = body["messages"][0]["content"]
        number = int(re.findall(r"What is (\d+)\?", prompt)[0])
        knows = any(text in prompt for text in right) or body["seed"] % 2 == 0
        return replying(completion(rf"Attempt {body['seed']}. So it is \boxed{{{number if knows else 0}}}"))

    return ScriptedServer(script)


def make_run(folder: Path, url: str, generate: str, *overrides: str) -> Run:
    file = folder / "recipe.yaml"
    file.write_text(
        "name: demo\nseed: 3\n"
        "tasks: [{from: tasks.jsonl, columns: {solution: solution}}]\n"
        f"teacher: {{backend: openai, model: m, base_url: {url}, concurrency: 4, attempts: 1}}\n"
        f"generate: {generate}\n"
    )
    run = Run.create(load_recipe(file, list(overrides)), folder / "run")
    if not run.part_paths(TASKS):
        with run.rewrite(TASKS) as out:
            out.write(TASKS.frame([task(number) for number in range(1, TASK_COUNT + 1)]))
    return run


def task(number: int) -> dict[str, Any]:
    return dict.fromkeys(TASKS.schema.names()) | {
        "task_id": f"t{number}",
        "family": "f",
        "question": f"What is {number}?",
        "answer": str(number),
        "solution": f"It is what it is. It is {number}.",
        "verifier": "math",
    }


def graded_traces(run: Run) -> pl.DataFrame:
    """The traces with the verdicts that the verify stage gives, in the table's order."""
    VERIFY.make(run)
    traces = pl.concat(list(run.parts(TRACES)))
    verdicts = run.scan(VERDICTS).select("trace_id", "verdict").collect()
    return traces.join(verdicts, on="trace_id", how="left", maintain_order="left")


def tables(run: Run) -> dict[str, bytes]:
    folders = [run.path / name for name in ("traces", "contexts")]
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*.parquet")
        if "cache" not in path.parts
    }
