"""A run whose traces a judge grades, behind a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.verify import STAGE
from servers.scripted import Body, Reply, completion, replying

Row = dict[str, Any]

RECIPE = """
name: trial
tasks: [{{from: tasks.jsonl, columns: {{answer: gold}}, verifier: judge, check_with: math}}]
teacher: {{backend: embedded}}
generate: {{privileges: [unguided]}}
verify:
  judge:
    votes: {votes}
{more}
    by: {by}
"""
_BY = """
      backend: openai
      model: judge
      base_url: {url}/v1
      attempts: {attempts}
      concurrency: 4
      timeout: 2
      price: {{prompt: 100000, completion: 200000}}
"""


def judged_run(
    folder: Path,
    url: str,
    *,
    votes: int = 3,
    tasks: int = 1,
    attempts: int = 1,
    more: str = "",
    by: str = _BY,
    old: str = "",
    new: str = "",
) -> Run:
    """A run with tasks whose gold answers are 0, 1, 2, ..., and no traces."""
    folder.mkdir(exist_ok=True)
    model = by.format(url=url, attempts=attempts) if by is _BY else by
    text = RECIPE.format(votes=votes, more=more, by=model)
    (folder / "recipe.yaml").write_text(text.replace(old, new) if old else text)
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    run.save_recipe()
    with run.rewrite(TASKS) as out:
        out.write(TASKS.frame([_task(number) for number in range(tasks)]))
    return run


def _task(number: int) -> Row:
    metadata = '{"row": 1, "check_with": "math"}'
    named = {"task_id": f"task{number:03}", "verifier": "judge", "question": f"Which is number {number}?"}
    return dict.fromkeys(TASKS.schema.names()) | named | {"answer": str(number), "metadata": metadata, "source": "s"}


def trace(number: int, response: str, task: int = 0, **columns: Any) -> Row:
    """A trace of a task."""
    named = {"trace_id": f"trace{number:03}", "task_id": f"task{task:03}", "response": response, "round": 0}
    whole = dict.fromkeys(TRACES.schema.names()) | named | {"finish_reason": "stop", "privilege": "unguided"}
    return whole | columns


def write_traces(run: Run, traces: list[Row]) -> None:
    """Store traces in a run."""
    with run.rewrite(TRACES) as out:
        out.write(TRACES.frame(traces))


def verdicts(run: Run, traces: list[Row] | None = None) -> dict[str, Row]:
    """Grade a run's traces, and return the rows of verdicts by trace."""
    if traces is not None:
        write_traces(run, traces)
    STAGE.make(run)
    return {row["trace_id"]: row for row in pl.concat(run.parts(VERDICTS)).to_dicts()}


def vote(verdict: str, reason: str = "so it is") -> Reply:
    """A reply in the form that was asked for."""
    return replying(completion(orjson.dumps({"reason": reason, "verdict": verdict}).decode()))


def text_of(body: Body) -> str:
    """What the judge is asked."""
    return str(body["messages"][0]["content"])


def journal(run: Run) -> list[Row]:
    """The votes on disk."""
    return [orjson.loads(line) for line in (run.path / "votes" / "votes.jsonl").read_bytes().splitlines()]
