"""A run folder of traces that a test names, as the stages before `balance` would have left it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from infogap.balance.stage import STAGE
from infogap.recipe import load_recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import DUPLICATES, GAPS, MEASURES, MIX, TASKS, TRACES, VERDICTS, Table

_DEFAULTS = {"verdict": "correct", "band": "mixed", "family": "gcd", "privilege": "unguided", "teacher": "one"}


def trace(task: str, **values: Any) -> dict[str, Any]:
    """A trace with all that mixes look at; right, unguided, and of one teacher unless said otherwise."""
    return {"task_id": task, "response": "So it is 5.", "words": 4, "leak": False, "leaks": [], **_DEFAULTS, **values}


def make_run(folder: Path, balance: str, traces: list[dict[str, Any]], questions: dict[str, str] | None = None) -> Run:
    """Write the tables; `balance` is the section of the recipe, as YAML."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(
        f"name: demo\nseed: 7\nimport: [{{from: t.jsonl, columns: {{trace: text}}}}]\nbalance: {balance}\n"
    )
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    run.save_recipe()
    numbered = [each | {"trace_id": f"{each['task_id']}-{number}"} for number, each in enumerate(traces)]
    tasks = {each["task_id"]: each for each in numbered}
    rows: list[tuple[Table, list[dict[str, Any]]]] = [
        (
            TASKS,
            [
                {"task_id": t, "family": each["family"], "answer": "5", "verifier": "math"}
                | {"difficulty": each.get("difficulty"), "question": (questions or {}).get(t)}
                for t, each in tasks.items()
            ],
        ),
        *((table, numbered) for table in (TRACES, VERDICTS, MEASURES)),
        (GAPS, [each for each in numbered if "ifd" in each]),
        (DUPLICATES, []),
    ]
    for table, values in rows:
        with run.rewrite(table) as out:
            out.write(table.frame([{name: value.get(name) for name in table.schema} for value in values]))
    return run


def make_mix(run: Run) -> Outcome:
    """Run the stage."""
    return STAGE.make(run)


def chosen(run: Run, mix: str = "mix") -> pl.DataFrame:
    """The selected traces of a mix, joined with everything that is known of them."""
    picked = run.scan(MIX).filter((pl.col("mix") == mix) & pl.col("selected")).select("trace_id", "stratum")
    return (
        picked.join(run.scan(TRACES), on="trace_id")
        .join(run.scan(TASKS).select("task_id", "family", "difficulty"), on="task_id")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id")
        .join(run.scan(MEASURES).select("trace_id", "band", "words", "epistemic_density"), on="trace_id")
        .sort("trace_id")
        .collect()
    )


def reasons(run: Run, mix: str = "mix") -> dict[str, int]:
    """How many traces have each reason in a mix."""
    counts = run.scan(MIX).filter(pl.col("mix") == mix).collect()["reason"].value_counts()
    return dict(counts.sort("reason").iter_rows())
