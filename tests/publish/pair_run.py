"""A run whose traces have the privileges, teachers, verdicts, bands and lengths that a test gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, MIX, TRACES, VERDICTS
from publish.small_run import IMPORT_RECIPE, RECIPE, build_run

DEFAULTS: dict[str, Any] = {
    "task": 0,
    "privilege": "unguided",
    "teacher": "T",
    "verdict": "correct",
    "band": "mixed",
    "density": 5.0,
    "words": 100,
    "reason": "over_quota",
}


def run_of(
    folder: Path,
    cells: list[dict[str, Any]],
    publish: str = "",
    balance: str = "{}",
    imported: bool = False,
    configs: str = "preference",
    privileges: str = "unguided, answer, solution",
) -> Run:
    """Write traces trace0, trace1, ... of up to six tasks; `publish` is YAML within braces, after the version."""
    recipe = RECIPE.replace("{size: 10, verdict: {correct: 0.75, wrong: 0.25}}", balance)
    recipe = recipe.replace("unguided, answer, solution", privileges)
    recipe = recipe.replace("version: 0.1.0}", f"version: 0.1.0, configs: [{configs}], {publish}}}")
    if imported:
        recipe = IMPORT_RECIPE.replace("repo: org/imported}", f"configs: [{configs}], {publish}}}")
        recipe += f"    balance: {balance}\n"
    run = build_run(folder, recipe)
    template = run.scan(TRACES).filter(privilege="unguided").collect().row(0, named=True)
    measure = run.scan(MEASURES).collect().row(0, named=True)
    rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in (TRACES, VERDICTS, MEASURES, MIX)}
    for number, given in enumerate(cells):
        cell, key = DEFAULTS | given, {"trace_id": f"trace{number}"}
        trace = {"task_id": f"task{cell['task']}", "privilege": cell["privilege"], "teacher": cell["teacher"]}
        rows[TRACES.name].append(template | key | trace | {"response": f"Response {number}."})
        rows[VERDICTS.name].append(dict.fromkeys(VERDICTS.schema) | key | {"verdict": cell["verdict"]})
        measured = {"band": cell["band"], "epistemic_density": cell["density"], "words": cell["words"]}
        rows[MEASURES.name].append(measure | key | measured)
        for mix in dict(run.recipe.balance.named_mixes()):
            reason = cell["reason"] if isinstance(cell["reason"], str) else cell["reason"][mix]
            place = {"mix": mix, "selected": reason == "selected", "stratum": None, "reason": reason}
            rows[MIX.name].append(key | place)
    for table in (TRACES, VERDICTS, MEASURES, MIX):
        with run.rewrite(table) as out:
            out.write(table.frame(rows[table.name]))
    return run
