"""A run whose tables the tests write themselves: traces with scores, leaks, densities and gaps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infogap.recipe import recipe_from_dict
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, MEASURES, TASKS, TRACES, VERDICTS, Table


def run_of(folder: Path, traces: list[dict[str, Any]], gap: dict[str, Any] | None = None) -> Run:
    """Each trace has `task`, `privilege` and, where wanted, `teacher`, `correct`, `words`, `markers`, `leak`, `failed`,
    `gap`, `surprisal`, `rsr` and `other_contexts`."""
    columns = {"question": "q", "answer": "a", "trace": "t", "privilege": "p"}
    recipe = {
        "name": "small",
        "import": [{"from": "traces.jsonl", "columns": columns}],
        "measure": {"lexicons": ["infogap"], **({"gap": gap} if gap is not None else {})},
    }
    folder.mkdir(exist_ok=True)
    run = Run.create(recipe_from_dict(recipe, folder), folder / "run")
    run.save_recipe()
    tables: dict[str, list[dict[str, Any]]] = {table.name: [] for table in (TASKS, TRACES, VERDICTS, MEASURES, GAPS)}
    for task in sorted({trace["task"] for trace in traces}):
        tables["tasks"].append({"task_id": task, "family": "f", "question": "?"})
    for number, trace in enumerate(traces):
        key = {"trace_id": f"x{number:04}"}
        words, failed = trace.get("words", 100), trace.get("failed", False)
        about = {"task_id": trace["task"], "privilege": trace["privilege"], "teacher": trace.get("teacher", "m")}
        sampled = {"sample": number, "round": 0, "completion_tokens": 2 * words, "error": "gone" if failed else None}
        tables["traces"].append(key | about | sampled | {"finish_reason": "error" if failed else "stop"})
        verdict = {True: "correct", False: "wrong", None: "ungradable"}[trace.get("correct", True)]
        tables["verdicts"].append(key | {"verdict": verdict})
        markers = trace.get("markers", 0)
        lexicons = [{"lexicon": "infogap", "epistemic_count": markers}]
        scores = {name: trace.get(name) for name in ("gap", "surprisal", "rsr")}
        scores["gap_per_token"] = scores.pop("gap")
        tables["measures"].append(
            key | scores | {"words": words, "leak": trace.get("leak", False), "lexicons": lexicons, "band": "mixed"}
        )
        others = [{"context": name, "gap_per_token": value} for name, value in trace.get("other_contexts", {}).items()]
        tables["gaps"].append(key | scores | {"scorer": "tiny", "other_contexts": others})
    for table in (TASKS, TRACES, VERDICTS, MEASURES, GAPS):
        _write(run, table, tables[table.name])
    return run


def _write(run: Run, table: Table, rows: list[dict[str, Any]]) -> None:
    with run.rewrite(table) as out:
        out.write(table.frame([dict.fromkeys(table.schema) | row for row in rows]))
