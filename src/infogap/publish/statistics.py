"""Compute the numbers kept in a dataset's infogap.json, so that versions can be compared without their runs."""

from __future__ import annotations

from typing import Any

import polars as pl

from infogap.effects.teacher_results import Effects
from infogap.effects.trace_summary import by_privilege, several_teachers
from infogap.publish.parquet_shards import Written
from infogap.publish.redaction import public_label
from infogap.runs.run_folder import Run

_DIGITS = 6  # significant digits: the last digits of long sums depend on the order of summation


def statistics_of(run: Run, traces: pl.DataFrame, written: list[Written]) -> dict[str, Any]:
    """Return the dataset's numbers; `traces` comes from `traces_in_short`.

    `rows` counts by config and split. `tasks`, `families`, `traces`, `failed`, `leaks`, `leaks_in_the_mix` and
    `duplicates` describe the run. `privileges` maps each privilege (and teacher, if there are several) to `tasks`,
    `traces`, `accuracy`, mean completion `tokens` and mean epistemic `density`.
    """
    rows = by_privilege(traces, run.recipe)
    several = several_teachers(rows)
    return {
        "rows": {
            each.config.name: {split: sum(shard.rows for shard in shards) for split, shards in each.splits.items()}
            for each in written
        },
        "tasks": traces["task_id"].n_unique(),
        "families": traces["family"].n_unique(),
        "traces": traces.filter(~pl.col("failed")).height,
        "failed": int(traces["failed"].sum()),
        "leaks": int(traces["leak"].sum()),
        "leaks_in_the_mix": traces.filter("leak", "selected").height,
        "duplicates": traces["duplicate_of"].count(),
        "privileges": {
            f"{row.privilege} by {public_label(row.teacher)}" if several else row.privilege: {
                "tasks": row.tasks,
                "traces": row.traces,
                "accuracy": _rounded(row.accuracy),
                "tokens": _rounded(row.tokens),
                "density": _rounded(row.density),
            }
            for row in rows
        },
    }


def published_effects(teachers: list[Effects]) -> list[dict[str, Any]]:
    """Return the effects of privileges (those of `effects_of`) with their 95 % intervals, one row each.

    A row has `teacher`, `privilege`, `of` (what is compared), `against` (what is subtracted; null if nothing is),
    `tasks`, `mean`, `low` and `high`. The bounds are null if too few tasks differ. Formulas are in docs/effects.md.
    """
    rows = []
    for effects in teachers:
        compared = [*effects.differences, *(contrast.difference for contrast in effects.contrasts)]
        for row in compared:
            lexicon = row.quantity.lexicon
            of = row.quantity.name if lexicon is None else f"{row.quantity.name} ({public_label(lexicon)})"
            rows.append(_effect(effects.teacher, row.privilege, of, row.against, row))
        # Accuracy and density are already among the differences.
        worth = [each for each in effects.worth if each.what in ("gap", "leak_rate")]
        rows += [_effect(effects.teacher, each.privilege, each.what, each.against, each.estimate) for each in worth]
    return rows


def _effect(teacher: str, privilege: str, of: str, against: str | None, row: Any) -> dict[str, Any]:
    bounds = {name: _rounded(getattr(row, name)) for name in ("mean", "low", "high")}
    return {
        "teacher": public_label(teacher),
        "privilege": privilege,
        "of": of,
        "against": against,
        "tasks": row.tasks,
        **bounds,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
