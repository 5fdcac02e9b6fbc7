"""Another lexicon in a recipe: only the measures are made again, from the text once written."""

from __future__ import annotations

import json
import time
from pathlib import Path

import polars as pl

from infogap.recipe import load_recipe
from infogap.runs.pipeline import run_one, stages, states
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES, VERDICTS

_RECIPE = """
name: doubts
import:
  - from: traces.jsonl
    columns: {question: q, answer: a, trace: t, privilege: p}
    teacher: somebody
measure: {lexicons: [LEXICONS]}
balance: {when_short: shrink}
"""
_MINE = """
name: mine
source: mine
matching: word
markers: {doubt: [peut-être], belief: [je crois]}
"""


def _run(folder: Path, lexicons: str) -> Run:
    (folder / "recipe.yaml").write_text(_RECIPE.replace("LEXICONS", lexicons))
    run = Run.create(load_recipe(folder / "recipe.yaml"), folder / "run")
    run.save_recipe()
    return run


def _written(run: Run) -> dict[Path, tuple[int, bytes]]:
    paths = [
        *run.part_paths(TRACES),
        *run.part_paths(VERDICTS),
        run.manifest_path("traces"),
        run.manifest_path("verdicts"),
    ]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def test_only_what_reads_lexicons_is_made_again(tmp_path: Path) -> None:
    rows = [
        {
            "q": f"What is {number} + 1?",
            "a": str(number + 1),
            "p": "unguided",
            "t": f"Peut-être, perhaps \\boxed{{{number + 1}}}",
        }
        for number in range(300)
    ]
    (tmp_path / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = _run(tmp_path, "infogap, kim2026")
    before_balance = [stage.name for stage in stages(run.recipe)]
    before_balance = before_balance[: before_balance.index("balance") + 1]
    for name in before_balance:
        run_one(run, name)
    assert [state.state for state in states(run)][: len(before_balance)] == ["done"] * len(before_balance)
    written = _written(run)

    (tmp_path / "mine.yaml").write_text(_MINE)
    run = _run(tmp_path, "infogap, kim2026, mine.yaml")
    stale = {state.stage for state in states(run)[: len(before_balance)] if state.state != "done"}
    assert stale == {"measure", "balance"}
    started = time.perf_counter()
    run_one(run, "measure")
    assert time.perf_counter() - started < 20  # seconds
    assert _written(run) == written
    counts = pl.concat(run.parts(MEASURES)).select(
        pl.col("lexicons").list.eval(pl.element().struct.field("epistemic_count"))
    )
    assert counts["lexicons"].to_list() == [[1, 1, 1]] * 300
