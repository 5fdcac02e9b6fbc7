"""Which rows of a run are compared, by which text, and in which order they stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from infogap.dedupe.keep_rule import Rows
from infogap.recipe.dedupe_section import Compare, Dedupe, Keep
from infogap.runs.run_folder import Run, check_part, read_part
from infogap.schema import MEASURES, TASKS, TRACES, VERDICTS

_FIRST = ("task_id", "privilege", "sample", "trace_id")


@dataclass(frozen=True)
class PartTexts:
    """The compared texts of one part of the traces, or of the tasks where questions are compared."""

    path: Path
    compare: Compare
    rows: int

    def texts(self) -> pl.Series:
        """Null where a trace has an error."""
        if self.compare == "question":
            return read_part(self.path, TASKS)["question"]
        columns = ("reasoning", "response") if self.compare == "both" else (self.compare,)
        text = pl.concat_str(*columns, separator="\n", ignore_nulls=True)
        part = read_part(self.path, TRACES)
        return part.select(text=pl.when(pl.col("error").is_null()).then(text))["text"]


def texts(run: Run, settings: Dedupe) -> Iterator[PartTexts]:
    """The compared text of every trace, part by part, or of every task."""
    for path in run.part_paths(TASKS if settings.compare == "question" else TRACES):
        check_part(path)
        rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
        yield PartTexts(path.resolve(), settings.compare, rows)


def compared(run: Run, settings: Dedupe) -> pl.DataFrame:
    """A row per text, in the texts' order.

    `id`, `task_id`, `privilege`, `group` (a number: where duplicates are looked for) and `rank` (of two duplicates the
    one with the lower rank stays).
    """
    tasks = run.scan(TASKS).select("task_id", "family").collect()
    if settings.compare == "question":
        ids = pl.concat([TASKS.empty().select("task_id"), *(part.select("task_id") for part in run.parts(TASKS))])
        found = ids.with_columns(trace_id="task_id", privilege=pl.lit(""), sample=pl.lit(0, pl.Int64))
    else:
        found = pl.concat([TRACES.empty().select(_FIRST), *(part.select(_FIRST) for part in run.parts(TRACES))])
    found = found.join(tasks, on="task_id", how="left", maintain_order="left")
    within = {"task": ["task_id", "privilege"], "family": ["family"], "all": []}[settings.scope]
    return found.select(
        "task_id",
        "privilege",
        id="trace_id",
        group=_codes(found, within),
        rank=_ranks(run, found, settings.keep),
    )


def _codes(found: pl.DataFrame, columns: list[str]) -> pl.Series:
    """A number for each row, the same where these columns are."""
    if not columns:
        return pl.zeros(found.height, pl.Int64, eager=True)
    different = found.select(columns).unique(maintain_order=True).with_row_index("code")
    return found.join(different, on=columns, how="left", nulls_equal=True, maintain_order="left")["code"].cast(pl.Int64)


def _ranks(run: Run, found: pl.DataFrame, keep: Keep) -> pl.Series:
    """The place of each row in the order in which the first of two duplicates stays."""
    key = {
        "first": pl.lit(0),
        "longest": pl.lit(0),  # put before it where the texts' lengths are known
        "most_uncertain": -pl.col("epistemic_density").fill_null(-1.0),
        "correct_first": (pl.col("verdict") != "correct").fill_null(value=True),
    }[keep]
    known = found
    if keep == "most_uncertain":
        measures = run.scan(MEASURES).select("trace_id", "epistemic_density").collect()
        known = found.join(measures, on="trace_id", how="left", maintain_order="left")
    if keep == "correct_first":
        verdicts = run.scan(VERDICTS).select("trace_id", "verdict").collect()
        known = found.join(verdicts, on="trace_id", how="left", maintain_order="left")
    order = known.with_row_index().select("index", *_FIRST, key=key).sort("key", *_FIRST)["index"]
    return order.arg_sort().cast(pl.Int64)


def ordered(found: pl.DataFrame, text_of_row: np.ndarray, sizes: np.ndarray, keep: Keep) -> Rows:
    """The rows that have a text, in the order in which the first of two duplicates stays; `sizes` by text."""
    given = np.flatnonzero(text_of_row >= 0)
    ranks = found["rank"].to_numpy()[given]
    keys = (ranks, -sizes[text_of_row[given]]) if keep == "longest" else (ranks,)
    ids = given[np.lexsort(keys)]
    codes = (found["group"], _codes(found, ["task_id"]), _codes(found, ["privilege"]))
    group, task, privilege = (code.to_numpy()[ids] for code in codes)
    return Rows(ids, group, text_of_row[ids], task, privilege)
