"""The run's texts that are compared with evaluation sets."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from infogap.recipe.decontaminate_section import What
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS, TRACES, Table

_TABLES: dict[What, Table] = {"question": TASKS, "trace": TRACES, "context": CONTEXTS}
_TEXTS: dict[What, pl.Expr] = {
    "question": pl.col("question"),
    "trace": pl.when(pl.col("error").is_null()).then(
        pl.concat_str("reasoning", "response", separator="\n", ignore_nulls=True)
    ),
    "context": pl.col("text"),
}


def texts(run: Run, what: What) -> Iterator[pl.DataFrame]:
    """All questions, traces or contexts part by part, as `id`, `task_id`, `text`; failed requests have none."""
    table = _TABLES[what]
    for frame in run.parts(table):
        yield frame.select("task_id", id=pl.col(table.key), text=_TEXTS[what]).drop_nulls("text")


def count(run: Run, what: What) -> int:
    """How many there are."""
    return run.rows(_TABLES[what])
