"""The config `rl`: the mix's tasks in the columns that verl reads (Sheng et al. 2024, arXiv 2409.19256)."""

from __future__ import annotations

from typing import Any

import orjson
import polars as pl

from infogap.publish.configs.base import Config
from infogap.publish.parquet_shards import SortedRows, in_order
from infogap.publish.published_columns import MESSAGES, prompts, public
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES

_FEATURES = pl.Schema(
    {
        "data_source": pl.String(),
        "prompt": MESSAGES,
        "ability": pl.String(),
        "reward_model": pl.Struct({"style": pl.String, "ground_truth": pl.String}),
        "extra_info": pl.Struct(
            {
                "index": pl.Int64,
                "split": pl.String,
                "task_id": pl.String,
                "question": pl.String,
                "family": pl.String,
                "difficulty": pl.String,
                "verifier": pl.String,
                "verifier_settings": pl.String,
            }
        ),
    }
)
# What a verifier needs besides the gold answer; a row's origin is not published.
_SETTINGS = ("gym", "tolerance")


def _rows(run: Run, mix: pl.DataFrame) -> SortedRows:
    """Select the tasks of the mix that have a gold answer, by id."""
    selected = mix.lazy().filter("selected").select("trace_id")
    used = run.scan(TRACES).join(selected, on="trace_id", how="semi").select("task_id").unique()
    there = run.scan(TASKS).filter(pl.col("answer").is_not_null()).join(used, on="task_id", how="semi")
    return SortedRows(run, TASKS, in_order(there.select("task_id").collect()), _verl_rows)


def _verl_rows(run: Run, tasks: pl.DataFrame) -> pl.DataFrame:
    """Make a row per task. `ability` is the family or, without one, the verifier."""
    known = tasks.with_columns(
        prompts(run, tasks),
        public(tasks, "source"),
        verifier_settings=pl.Series([_settings(text) for text in tasks["metadata"]], dtype=pl.String),
    )
    extra = pl.struct(
        pl.col("place").alias("index"),
        pl.lit("train").alias("split"),
        *("task_id", "question", "family", "difficulty", "verifier", "verifier_settings"),
    )
    return (
        known.with_columns(
            data_source="source",
            ability=pl.coalesce("family", "verifier"),
            reward_model=pl.struct(style=pl.lit("rule"), ground_truth="answer"),
            extra_info=extra,
        )
        .select(*_FEATURES)
        .match_to_schema(_FEATURES)
    )


def _settings(metadata: str | None) -> str | None:
    """Return the verifier's settings as JSON; None if it needs none."""
    known: dict[str, Any] = orjson.loads(metadata or "{}")
    kept = {key: known[key] for key in _SETTINGS if key in known}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode() if kept else None


def _notes(traces: pl.DataFrame, rows: int) -> list[str]:
    without = traces.filter("selected")["task_id"].n_unique() - rows
    return [f"without a gold answer, and so not in `rl`: {without:,} of the mix's tasks"] if without else []


RL = Config(
    name="rl",
    shows="the tasks of the mix with their gold answers, for reinforcement learning",
    features=_FEATURES,
    key=pl.col("extra_info").struct.field("task_id"),
    rows=_rows,
    empty="no task of the mix has a gold answer",
    of_mix=True,
    card="In `rl`, columns are named as verl reads them: the gold answer is `reward_model.ground_truth`, and "
    "`extra_info` names the verifier and, as JSON, what it needs besides.",
    notes=_notes,
)
