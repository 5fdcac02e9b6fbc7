"""The verify stage: grade every trace's final answer against its task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from infogap.console import progress
from infogap.runs.former_rows import FormerRows, former_rows, row_keys
from infogap.runs.run_folder import ROWS_PER_PART, Run, read_part, write_part
from infogap.runs.stage import Outcome, Stage, commonest_reasons, kind_of_reason
from infogap.schema import TASKS, TRACES, VERDICT_NAMES, VERDICTS
from infogap.verify.grade_traces import TRACE_COLUMNS, VERSION, Tasks, grade_traces, grading_settings, tasks_by_id
from infogap.verify.round_verdicts import read_round_verdicts
from infogap.verify.stated_verdicts import DISAGREEMENTS, agreement


def _part(run: Run) -> dict[str, Any]:
    return grading_settings(run)


def _make(run: Run) -> Outcome:
    verdicts, reasons = Counter[str](), Counter[str]()
    tasks, settings = tasks_by_id(run), [STAGE.version, grading_settings(run)]
    with (
        former_rows(run, VERDICTS, settings) as former,
        run.rewrite(VERDICTS) as out,
        progress("verify", run.rows(TRACES), "traces") as advance,
    ):
        rows: list[dict[str, Any]] = []
        for row in grade_traces(tasks, _parts(run, tasks, former), run.base):
            verdicts[row["verdict"]] += 1
            if row["verdict"] == "ungradable":
                reasons[kind_of_reason(row["detail"] or "")] += 1
            rows.append(row)
            advance()
            if len(rows) == ROWS_PER_PART:
                out.write(VERDICTS.frame(rows))
                rows = []
        out.write(VERDICTS.frame(rows))
    counts: dict[str, Any] = {name: verdicts[name] for name in VERDICT_NAMES}
    stated = agreement(run, run.scan(VERDICTS).select("trace_id", "verdict", "extracted_answer", "detail"))
    if stated is None:
        return Outcome(out.rows, counts, _notes(run, reasons))
    if stated.disagreements.height:
        write_part(run.path / VERDICTS.name / DISAGREEMENTS, stated.disagreements)
    return Outcome(out.rows, counts | {"stated_verdicts": stated.counts}, [*_notes(run, reasons), *stated.notes])


def _parts(run: Run, tasks: Tasks, former: FormerRows) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield the traces part by part, each with the verdicts that exist: those of rounds, and equal traces' former ones.

    What could not be graded, perhaps because the machine was busy, is graded again.
    """
    for path in run.part_paths(TRACES):
        part, of_rounds = read_part(path, TRACES), read_round_verdicts(path)
        keys = row_keys(
            (*trace, *(tasks.get(str(trace[1])) or {}).values()) for trace in part.select(TRACE_COLUMNS).iter_rows()
        )
        _, verdicts = former.find(keys)
        former.note(keys)
        reused = verdicts.filter(pl.col("verdict") != "ungradable").join(of_rounds, on="trace_id", how="anti")
        yield part, pl.concat([of_rounds, reused])


def _notes(run: Run, reasons: Counter[str]) -> list[str]:
    if not reasons:
        return []
    total = reasons.total()
    return [
        f"{total:,} trace{'s' if total > 1 else ''} could not be graded ({commonest_reasons(reasons)}); "
        f"`detail` in {run.path / VERDICTS.name} says why, trace by trace, where verdict is ungradable"
    ]


STAGE = Stage("verify", (VERDICTS.name,), (TASKS.name, TRACES.name), VERSION, _part, _make, sees_derived=False)
