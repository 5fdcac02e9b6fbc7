"""The config `preference`: pairs of a correct and a wrong trace, for DPO (Rafailov et al. 2023) and its kin."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.balance.exclusion_reasons import NOT_ASKED_FOR
from infogap.publish.configs.base import Config
from infogap.publish.parquet_shards import SortedRows
from infogap.publish.published_columns import MESSAGES, answers, columns, joined, prompts
from infogap.recipe.balance_section import THE_MIX, MixSettings
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES, VERDICTS

# Traces that only the size of the mix, or the share of their verdict, may exclude.
_USABLE = ("selected", "over_quota", "max_per_task", "not_in_mix", *NOT_ASKED_FOR)
_COLUMNS = ("band", "family", "privilege", "teacher")  # axes whose shares say which values are wanted
_CELL = ("task_id", "privilege", "teacher")
_OF_EACH = ("trace_id", "band", "epistemic_density")
_FEATURES = pl.Schema(
    {
        "prompt": MESSAGES,
        "chosen": MESSAGES,
        "rejected": MESSAGES,
        **columns(TRACES, "task_id"),
        **columns(TASKS, "family", "difficulty"),
        **columns(TRACES, "privilege", "teacher"),
        **{
            f"{side}_{name}": dtype
            for side in ("chosen", "rejected")
            for name, dtype in (columns(TRACES, "trace_id") | columns(MEASURES, "band", "epistemic_density")).items()
        },
    }
)


def _rows(run: Run, mix: pl.DataFrame) -> SortedRows:
    """Place both traces of each pair together; `rejected` tells them apart."""
    numbered = pairs(run, mix).with_row_index("place")
    sides = [
        numbered.select(
            pl.col(side).alias("trace_id"), pl.col("place").cast(pl.Int64), rejected=pl.lit(side == "rejected")
        )
        for side in ("chosen", "rejected")
    ]
    return SortedRows(run, TRACES, pl.concat(sides), _pair_rows)


def _pair_rows(run: Run, traces: pl.DataFrame) -> pl.DataFrame:
    """Make a row per pair: the student's prompt, and the two traces."""
    known = joined(run, traces).with_columns(answer_message=answers(run))
    chosen = known.filter(~pl.col("rejected"))
    rejected = known.filter("rejected").select("place", *_as("rejected"))
    rows = chosen.with_columns(prompts(run, chosen), *_as("chosen")).drop("rejected")
    both = rows.join(rejected, on="place", maintain_order="left", validate="1:1")
    return both.select(*_FEATURES).match_to_schema(_FEATURES)


def _as(side: str) -> list[pl.Expr]:
    return [pl.col("answer_message").alias(side), *(pl.col(name).alias(f"{side}_{name}") for name in _OF_EACH)]


def pairs(run: Run, mix: pl.DataFrame) -> pl.DataFrame:
    """Pair correct traces with wrong ones of the same task, privilege and teacher, by the id of the correct one.

    Columns: `chosen` and `rejected` (trace ids), and `apart`, the distance of their epistemic densities. Within a cell,
    pairs minimise the sum of these distances: if the chosen trace were always the more confident one, preference
    training would unlearn doubt as well as errors. A trace is in one pair at most, and a task in `max_per_task` pairs,
    the closest first. The traces are those that could be in the mix, verdicts aside.
    """
    settings = _settings_of(run, mix)
    traces = _usable(run, mix, settings)
    matched = np.array(list(_matched(traces)), np.int64).reshape(-1, 2)
    chosen, rejected = (traces[matched[:, side]] for side in (0, 1))
    table = pl.DataFrame(
        {
            "task_id": chosen["task_id"],
            "chosen": chosen["trace_id"],
            "rejected": rejected["trace_id"],
            "apart": (chosen["density"] - rejected["density"]).abs(),
        }
    )
    most = settings.max_per_task
    if most is not None:
        of_task = pl.col("chosen").cum_count().over("task_id")
        table = table.sort("task_id", "apart", "chosen").filter(of_task <= most)
    return table.drop("task_id").sort("chosen")


def _settings_of(run: Run, mix: pl.DataFrame) -> MixSettings:
    name = mix["mix"][0] if mix.height else THE_MIX
    return dict(run.recipe.balance.named_mixes())[name]


def _usable(run: Run, mix: pl.DataFrame, settings: MixSettings) -> pl.DataFrame:
    """Return the correct and wrong traces of cells that have both, cell by cell."""
    usable = mix.lazy().filter(pl.col("reason").is_in(_USABLE)).select("trace_id")
    measures = run.scan(MEASURES).select("trace_id", "band", density=pl.col("epistemic_density").fill_null(0.0))
    traces = (
        run.scan(TRACES)
        .select("trace_id", *_CELL)
        .join(usable, on="trace_id", how="semi")
        .join(run.scan(VERDICTS).select("trace_id", "verdict"), on="trace_id")
        .join(measures, on="trace_id")
        .join(run.scan(TASKS).select("task_id", "family"), on="task_id")
        .filter(pl.col("verdict").is_in(["correct", "wrong"]))
    )
    for axis, shares in settings.axes.items():
        if axis in _COLUMNS and isinstance(shares, dict):
            traces = traces.filter(pl.col(axis).is_in([value for value, share in shares.items() if share > 0]))
    both = pl.col("verdict").n_unique().over(_CELL) == 2
    return traces.filter(both).sort(*_CELL, "trace_id").collect()


def _matched(traces: pl.DataFrame) -> Iterator[tuple[int, int]]:
    """Yield the rows of a correct and a wrong trace, cell by cell: the assignment of least cost (Kuhn 1955)."""
    from scipy.optimize import linear_sum_assignment

    density, right = traces["density"].to_numpy(), (traces["verdict"] == "correct").to_numpy()
    cells = traces.select(pl.struct(_CELL).rle_id()).to_series().to_numpy()
    ends = [0, *(np.flatnonzero(np.diff(cells)) + 1).tolist(), len(cells)]
    for start, end in pairwise(ends):
        one: NDArray[np.int64] = start + np.flatnonzero(right[start:end])
        other: NDArray[np.int64] = start + np.flatnonzero(~right[start:end])
        rows, columns = linear_sum_assignment(np.abs(density[one][:, None] - density[other][None, :]))
        yield from zip(one[rows].tolist(), other[columns].tolist(), strict=True)


def _mean_densities(folder: Path) -> dict[str, Any]:
    """Return the mean epistemic density of the chosen and of the rejected traces."""
    sides = ("chosen", "rejected")
    means = pl.scan_parquet(folder / "*.parquet").select(
        pl.col(f"{side}_epistemic_density").mean().alias(side) for side in sides
    )
    return means.collect().row(0, named=True)


PREFERENCE = Config(
    name="preference",
    shows="pairs of a right and a wrong trace of one task, privilege and teacher, for preference training",
    features=_FEATURES,
    key=pl.concat_str("chosen_trace_id", "rejected_trace_id", separator=" "),
    rows=_rows,
    empty="no task has both a correct and a wrong trace under one privilege by one teacher",
    of_mix=True,
    card="In `preference`, `prompt`, `chosen` and `rejected` hold messages: of a correct and a wrong trace of the same "
    "task, privilege and teacher, the pairs whose epistemic densities are closest. Mean density of the chosen ones "
    "{{ chosen | number(2) }}, of the rejected ones {{ rejected | number(2) }} markers per 1,000 {{ density_unit }}.",
    card_values=_mean_densities,
)
