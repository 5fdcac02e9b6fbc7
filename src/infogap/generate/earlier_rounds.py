"""The traces of earlier rounds, with the verdicts on them: the next requests depend on these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import polars as pl

from infogap.generate.trace_files import Rounds, part_number
from infogap.privileges.base import Attempt
from infogap.runs.run_folder import Run, check_part, read_part
from infogap.schema import TRACES, VERDICTS
from infogap.verify.round_verdicts import read_round_verdicts

_NARROW = ("trace_id", "task_id", "privilege", "context_id", "teacher", "sample", "round")
_SCHEMA = pl.Schema(
    {name: TRACES.schema[name] for name in _NARROW} | {"part": pl.Int64(), "verdict": VERDICTS.schema["verdict"]}
)


@dataclass(frozen=True)
class EarlierTrace:
    """A trace of an earlier round, without its text."""

    trace_id: str
    context_id: str | None
    sample: int
    round: int
    verdict: str
    part: int  # the part of the traces table that holds its text


class EarlierRounds:
    """The traces of all rounds earlier than `before` (None: of all rounds), by task, teacher and privilege."""

    def __init__(self, run: Run, before: int | None = None) -> None:
        paths = {part_number(path): path for path in run.part_paths(TRACES)}
        if before is not None:  # parts of later rounds may be of a plan that no longer holds
            first_after = Rounds.read(run.path / TRACES.name).first_part(before)
            paths = {number: path for number, path in paths.items() if number < first_after}
        self._paths = paths
        none = pl.DataFrame(schema=_SCHEMA)
        table = pl.concat([none, *(_narrow(number, path) for number, path in paths.items())])
        self._table = table.sort("task_id", "privilege", "sample", "round")
        runs = self._table["task_id"].rle().struct.unnest()
        starts = runs["len"].cum_sum() - runs["len"]
        self._places = dict(zip(runs["value"], zip(starts, runs["len"], strict=True), strict=True))

    def context_ids(self, task_id: str) -> set[str]:
        """Return the ids of the contexts that a task's traces were sampled under."""
        return set(self._of_task(task_id)["context_id"].drop_nulls()) if task_id in self._places else set()

    def of(self, task_id: str, teacher: str | None = None) -> dict[str, list[EarlierTrace]]:
        """Return a task's traces by the recipe's label of their privilege, ordered by sample and round.

        `teacher` selects the traces of one of several teachers.
        """
        by_privilege: dict[str, list[EarlierTrace]] = {}
        for row in self._of_task(task_id).iter_rows(named=True):
            if teacher not in (None, row["teacher"]):
                continue
            trace = EarlierTrace(
                row["trace_id"], row["context_id"], row["sample"], row["round"], row["verdict"] or "", row["part"]
            )
            by_privilege.setdefault(row["privilege"], []).append(trace)
        return by_privilege

    def _of_task(self, task_id: str) -> pl.DataFrame:
        start, length = self._places.get(task_id, (0, 0))
        return self._table[start : start + length]

    def texts(self, traces: Iterable[EarlierTrace]) -> dict[str, Attempt]:
        """Read the texts of traces, by trace_id, from only the parts that hold them."""
        texts: dict[str, Attempt] = {}
        wanted = sorted({(trace.part, trace.trace_id, trace.verdict) for trace in traces})
        for part, of_part in groupby(wanted, key=lambda each: each[0]):
            verdicts = {trace_id: verdict for _, trace_id, verdict in of_part}
            rows = read_part(self._paths[part], TRACES).filter(pl.col("trace_id").is_in(list(verdicts)))
            details = read_round_verdicts(self._paths[part]).select("trace_id", "detail")
            rows = rows.join(details, on="trace_id", how="left", maintain_order="left")
            for row in rows.select("trace_id", "reasoning", "response", "detail").iter_rows(named=True):
                right = verdicts[row["trace_id"]] == "correct"
                texts[row["trace_id"]] = Attempt(row["reasoning"], row["response"], right, row["detail"] or "")
        return texts


def _narrow(number: int, path: Path) -> pl.DataFrame:
    """Read a part's traces without their texts, with their verdicts; null where a trace is not graded yet."""
    check_part(path)
    traces = pl.read_parquet(path, columns=list(_NARROW)).with_columns(part=pl.lit(number, pl.Int64))
    verdicts = read_round_verdicts(path).select("trace_id", "verdict")
    return traces.join(verdicts, on="trace_id", how="left", maintain_order="left").match_to_schema(_SCHEMA)
