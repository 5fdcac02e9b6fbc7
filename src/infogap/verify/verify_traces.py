"""Grade every trace's final answer against its task; verdicts of equal traces and tasks are reused."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

from infogap.errors import StoppedError
from infogap.ids import digest, file_digest
from infogap.interrupts import Stopping, run_stoppable
from infogap.progress import progress
from infogap.runs.former_rows import FormerRows, former_rows, frame_digest, row_keys
from infogap.runs.rows_by_key import rows_of
from infogap.runs.run_folder import ROWS_PER_PART, Run, read_columns, read_part, write_part
from infogap.runs.stage import Outcome, ReasonCounts
from infogap.schema import TRACES, VERDICT_NAMES, VERDICTS
from infogap.verify.gold_agreement import as_counts, consensus_agreement, judge_agreement
from infogap.verify.grade_run import by_id, grade_run, tasks_to_grade
from infogap.verify.grade_traces import TRACE_COLUMNS, Tasks
from infogap.verify.grading_settings import VERSION, grading_settings
from infogap.verify.judging.vote_counts import spending_in_words, votes_and_cost
from infogap.verify.round_verdicts import read_round_verdicts, round_verdicts_path
from infogap.verify.stated_verdicts import DISAGREEMENTS, agreement
from infogap.verify.who_decides import sentences


def verify_traces(run: Run) -> Outcome:
    """Write the table `verdicts`. Raises StoppedError if the command ends while a judge is asked."""
    if run.recipe.verify is None or run.recipe.verify.judge is None:
        return _verify(run, None)
    return run_stoppable(partial(_verify, run), lambda: StoppedError("stopped: the same command continues from there"))


def _verify(run: Run, stop: Stopping | None) -> Outcome:
    verdicts, reasons = Counter[str](), ReasonCounts()
    tasks = tasks_to_grade(run)
    with (
        former_rows(run, VERDICTS, [VERSION, grading_settings(run)]) as former,
        run.rewrite(VERDICTS) as out,
        progress("verify", run.rows(TRACES), "traces") as advance,
    ):
        parts = list(_parts(run, tasks, former))
        keys = deque[np.ndarray]()
        graded = _grade(run, [part for part in parts if part.verdicts is None], tasks, former, keys, stop)
        for part in parts:
            if part.former is not None and part.verdicts is not None:
                former.reuse(part.former, part.source, out)
                verdicts.update(part.verdicts)
                advance(part.rows)
                continue
            rows: list[dict[str, Any]] = []
            for row in islice(graded, part.rows):
                verdicts[row["verdict"]] += 1
                if row["verdict"] == "ungradable":
                    reasons.add(row["detail"] or "")
                rows.append(row)
                advance()
            former.note(keys.popleft(), part.source)
            out.write(VERDICTS.frame(rows))
    counts: dict[str, Any] = {name: verdicts[name] for name in VERDICT_NAMES}
    counts |= _without_gold(run, by_id(tasks))
    notes = [*_notes(run, reasons), *sentences(run, counts), *spending_in_words(counts)]
    stated = agreement(run, run.scan(VERDICTS).select("trace_id", "verdict", "extracted_answer", "detail"))
    if stated is None:
        return Outcome(out.rows, counts, notes)
    if stated.disagreements.height:
        write_part(run.path / VERDICTS.name / DISAGREEMENTS, stated.disagreements)
    return Outcome(out.rows, counts | {"stated_verdicts": stated.counts}, [*notes, *stated.notes])


def _without_gold(run: Run, tasks: Tasks) -> dict[str, Any]:
    """Count what consensus and a judge have decided, and how far gold answers agree."""
    counts: dict[str, Any] = {}
    if (of_consensus := consensus_agreement(run, tasks)) is not None:
        counts["consensus"] = as_counts(of_consensus)
    counts |= votes_and_cost(run, tasks, TRACES, VERDICTS)
    if "judge" in counts and (of_judge := judge_agreement(run)) is not None:
        counts["judge_and_gold"] = as_counts(of_judge)
    return counts


@dataclass(frozen=True)
class _Part:
    """A part of the traces: a digest of all that its verdicts depend on, and its former verdicts where they are reused.

    What could not be graded, perhaps because the machine was busy, is graded again.
    """

    path: Path
    task_ids: pl.Series
    source: str
    former: int | None  # the part of the former table
    verdicts: pl.Series | None

    @property
    def rows(self) -> int:
        return len(self.task_ids)

    @classmethod
    def of(cls, path: Path, tasks: pl.DataFrame, former: FormerRows, *, aligned: bool) -> Self:
        task_ids = read_columns(path, ["task_id"])["task_id"]
        own_tasks = frame_digest(rows_of(tasks, "task_id", task_ids))
        of_rounds = [file_digest(given)] if (given := round_verdicts_path(path)).is_file() else []
        source = digest([file_digest(path), own_tasks, of_rounds])
        number = former.whole_part(source) if aligned else None
        made = former.parts.read(number, VERDICTS, ["verdict"]) if number is not None else None
        if made is None or (made["verdict"] == "ungradable").any():
            return cls(path, task_ids, source, None, None)
        return cls(path, task_ids, source, number, made["verdict"])


def _parts(run: Run, tasks: pl.DataFrame, former: FormerRows) -> Iterator[_Part]:
    """Yield the parts of the traces; only one that begins a part of the verdicts can have a former one."""
    before = 0
    for path in run.part_paths(TRACES):
        part = _Part.of(path, tasks, former, aligned=before % ROWS_PER_PART == 0)
        before += part.rows
        if part.rows:
            yield part


def _grade(
    run: Run,
    parts: list[_Part],
    tasks: pl.DataFrame,
    former: FormerRows,
    keys: deque[np.ndarray],
    stop: Stopping | None,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of `verdicts` for some parts; `keys` receives those of each part before its first row."""
    if not parts:
        return
    ids = pl.concat([part.task_ids for part in parts])
    needed: Tasks = {task["task_id"]: task for task in rows_of(tasks, "task_id", ids).iter_rows(named=True)}
    yield from grade_run(run, needed, _with_known(parts, needed, former, keys), stop)


def _with_known(
    parts: list[_Part], tasks: Tasks, former: FormerRows, keys: deque[np.ndarray]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    """Yield traces part by part, each with the verdicts that exist: those of rounds, and equal traces' former ones."""
    for path in (part.path for part in parts):
        part, of_rounds = read_part(path, TRACES), read_round_verdicts(path)
        keys.append(
            row_keys(
                (*trace, *(tasks.get(str(trace[1])) or {}).values()) for trace in part.select(TRACE_COLUMNS).iter_rows()
            )
        )
        _, verdicts = former.find(keys[-1])
        reused = verdicts.filter(pl.col("verdict") != "ungradable").join(of_rounds, on="trace_id", how="anti")
        yield part, pl.concat([of_rounds, reused])


def _notes(run: Run, reasons: ReasonCounts) -> list[str]:
    total = reasons.total
    if not total:
        return []
    return [
        f"{total:,} trace{'s' if total > 1 else ''} could not be graded ({reasons.commonest}); "
        f"`detail` in {run.path / VERDICTS.name} says why, trace by trace, where verdict is ungradable"
    ]
