"""The texts that a run's duplicates are sought in, and the order in which duplicates are kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from infogap.dedupe.corpus_batches import Held
from infogap.dedupe.text_duplicates import Rows
from infogap.ids import digest, file_digest
from infogap.recipe.dedupe_section import Compare, Dedupe, Keep
from infogap.runs.run_folder import Run, check_part, read_part
from infogap.schema import MEASURES, TASKS, TRACE_TURNS, TRACES, VERDICTS
from infogap.text.spoken_turns import read_turns, tool_calls

_FIRST = ("task_id", "privilege", "sample", "trace_id")


@dataclass(frozen=True)
class PartTexts:
    """The compared texts of one part of the traces, or of the tasks where questions are compared."""

    path: Path
    compare: Compare
    rows: int
    turns: Path | None = None  # the folder of the turns of traces that call tools, if there are any

    @property
    def key(self) -> str:
        """A digest of the part, and of which of its texts these are."""
        return digest([file_digest(self.path), self.compare])

    def texts(self) -> pl.Series:
        """Read the texts; null for a trace with an error."""
        if self.compare == "question":
            return read_part(self.path, TASKS)["question"]
        columns = ("reasoning", "response") if self.compare == "both" else (self.compare,)
        text = pl.concat_str(*columns, separator="\n", ignore_nulls=True)
        part = read_part(self.path, TRACES)
        if self.turns is not None and self.compare == "both":
            text = pl.concat_str(text, _calls(part, self.turns), separator="\n", ignore_nulls=True)
        return part.select(text=pl.when(pl.col("error").is_null()).then(text))["text"]

    def __reduce__(self) -> tuple[type[Held], tuple[pl.Series]]:
        return Held, (self.texts(),)


def _calls(part: pl.DataFrame, folder: Path) -> pl.Series:
    """Return the calls of each trace as text: traces that say the same and call other tools are no duplicates."""
    turns = pl.scan_parquet(folder / "part-*.parquet").join(part.lazy().select("trace_id"), on="trace_id", how="semi")
    calls = {trace_id: tool_calls(read_turns(written)) for trace_id, written, _ in turns.collect().iter_rows()}
    return pl.Series("calls", [calls.get(trace_id) for trace_id in part["trace_id"]], dtype=pl.String)


def texts(run: Run, settings: Dedupe) -> Iterator[PartTexts]:
    """Yield the compared texts of all traces, or of all tasks, part by part."""
    turns = (run.path / TRACE_TURNS.name).resolve() if run.recipe.imports and run.rows(TRACE_TURNS) else None
    for path in run.part_paths(TASKS if settings.compare == "question" else TRACES):
        check_part(path)
        rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
        yield PartTexts(path.resolve(), settings.compare, rows, turns)


def compared(run: Run, settings: Dedupe) -> pl.DataFrame:
    """Return a row per text, in the texts' order.

    Columns: `id`, `task_id`, `privilege`, `group` (the number of the group within which duplicates are sought) and
    `rank` (of two duplicates the one with the lower rank is kept).
    """
    tasks = run.scan(TASKS).select("task_id", "family").collect()
    if settings.compare == "question":
        ids = pl.concat([TASKS.empty().select("task_id"), *(part.select("task_id") for part in run.parts(TASKS))])
        rows = ids.with_columns(trace_id="task_id", privilege=pl.lit(""), sample=pl.lit(0, pl.Int64))
    else:
        rows = pl.concat([TRACES.empty().select(_FIRST), *(part.select(_FIRST) for part in run.parts(TRACES))])
    rows = rows.join(tasks, on="task_id", how="left", maintain_order="left")
    within = {"task": ["task_id", "privilege"], "family": ["family"], "all": []}[settings.scope]
    return rows.select(
        "task_id",
        "privilege",
        id="trace_id",
        group=_codes(rows, within),
        rank=_ranks(run, rows, settings.keep),
    )


def _codes(rows: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Number the rows, equally where these columns are equal."""
    if not columns:
        return pl.zeros(rows.height, pl.Int64, eager=True)
    different = rows.select(columns).unique(maintain_order=True).with_row_index("code")
    return rows.join(different, on=columns, how="left", nulls_equal=True, maintain_order="left")["code"].cast(pl.Int64)


def _ranks(run: Run, rows: pl.DataFrame, keep: Keep) -> pl.Series:
    """Rank the rows; of two duplicates the one with the lower rank is kept."""
    key = {
        "first": pl.lit(0),
        "longest": pl.lit(0),  # `ordered` sorts by length first, which is known once the texts are read
        "most_uncertain": -pl.col("epistemic_density").fill_null(-1.0),
        "correct_first": (pl.col("verdict") != "correct").fill_null(value=True),
    }[keep]
    known = rows
    if keep == "most_uncertain":
        measures = run.scan(MEASURES).select("trace_id", "epistemic_density").collect()
        known = rows.join(measures, on="trace_id", how="left", maintain_order="left")
    if keep == "correct_first":
        verdicts = run.scan(VERDICTS).select("trace_id", "verdict").collect()
        known = rows.join(verdicts, on="trace_id", how="left", maintain_order="left")
    order = known.with_row_index().select("index", *_FIRST, key=key).sort("key", *_FIRST)["index"]
    return order.arg_sort().cast(pl.Int64)


def ordered(rows: pl.DataFrame, text_of_row: np.ndarray, sizes: np.ndarray, keep: Keep) -> Rows:
    """Return the rows that have a text, in the order of preference; `sizes` are n-grams by text."""
    given = np.flatnonzero(text_of_row >= 0)
    ranks = rows["rank"].to_numpy()[given]
    keys = (ranks, -sizes[text_of_row[given]]) if keep == "longest" else (ranks,)
    ids = given[np.lexsort(keys)]
    codes = (rows["group"], _codes(rows, ["task_id"]), _codes(rows, ["privilege"]))
    group, task, privilege = (code.to_numpy()[ids] for code in codes)
    return Rows(ids, group, text_of_row[ids], task, privilege)
