"""A run whose traces were written under `verifier` after attempts that a test names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from datasets import load_dataset

from infogap.privileges.contexts import fill
from infogap.privileges.template_sets import load_wording
from infogap.runs import manifest
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, MEASURES, MIX, TRACES
from publish.pair_run import DEFAULTS, run_of

Cell = dict[str, Any]
VERDICT = "Verdict: wrong. Try again."


def response_of(number: int, cell: Cell) -> str:
    return str(cell.get("response", f"I add both, as attempt {chr(ord('a') + number)} of all does, and get it."))


def recovery_run(folder: Path, cells: list[Cell], configs: str = "recovery, recovery_trace", **asked: Any) -> Run:
    """Write trace0, trace1, ...; `shown` of a cell has the numbers of the attempts in its context, oldest first.

    A cell may have `response`, `reasoning` and `leak`, too.
    """
    plain = [{name: value for name, value in cell.items() if name in DEFAULTS} for cell in cells]
    run = run_of(folder, plain, configs=configs, privileges="unguided, answer, solution, verifier", **asked)
    words = load_wording("infogap").contexts["verifier"]
    traces, contexts = run.scan(TRACES).sort("trace_id").collect().to_dicts(), []
    for trace in traces:
        number = int(trace["trace_id"][5:])
        cell = cells[number]
        trace |= {"response": response_of(number, cell), "reasoning": cell.get("reasoning", "")}
        if "shown" in cell:
            wrong = [response_of(each, cells[each]) for each in cell["shown"]]
            trace["context_id"] = f"context{number}"
            named = {name: trace[name] for name in ("context_id", "task_id", "privilege")}
            contexts.append(named | {"text": fill(words, wrong=wrong, answer="")})
    measures = run.scan(MEASURES).collect()
    leaks = [bool(cells[int(each[5:])].get("leak")) for each in measures["trace_id"]]
    for table, rows in (
        (TRACES, TRACES.frame(traces)),
        (CONTEXTS, CONTEXTS.frame(contexts)),
        (MEASURES, measures.with_columns(leak=pl.Series(leaks, dtype=pl.Boolean))),
    ):
        with run.rewrite(table) as out:
            out.write(rows)
    files = manifest.describe_files(run.path, run.part_paths(MIX))
    manifest.write(run.manifest_path("mix"), manifest.Manifest("mix", 1, "print", {}, {}, 1, {}, files))
    return run


def load(run: Run, config: str, cache: Path, split: str = "train") -> list[dict[str, Any]]:
    rows = load_dataset(str(run.path / "dataset"), config, split=split, cache_dir=str(cache))
    listed: list[dict[str, Any]] = rows.to_list()
    return listed
