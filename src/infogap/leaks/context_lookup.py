"""What the teachers of a run's traces were told, for the scan for leaks."""

from __future__ import annotations

import polars as pl

from infogap.leaks.leak_input import ContextKind
from infogap.privileges.ladder import privileges_by_label
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS


def context_texts(run: Run, context_ids: pl.Series) -> dict[str, str]:
    """The texts of some contexts by id: those of one part of the traces at a time, to hold no more than its own."""
    wanted = context_ids.drop_nulls().unique()
    if wanted.is_empty():
        return {}
    found = run.scan(CONTEXTS).filter(pl.col("context_id").is_in(wanted.implode())).select("context_id", "text")
    return dict(found.collect().iter_rows())


def context_kinds(run: Run) -> dict[str, ContextKind]:
    """What the contexts of each privilege hold, by what the run's tables call it."""
    return {label: ContextKind.of(privilege) for label, privilege in privileges_by_label(run.recipe).items()}
