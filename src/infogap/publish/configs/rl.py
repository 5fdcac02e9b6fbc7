"""The config `rl`: the mix's tasks, in the columns that verl reads (Sheng et al. 2024, arXiv 2409.19256)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.errors import InputError
from infogap.ids import stable_id
from infogap.publish.configs.base import MESSAGES, PROMPT, Config, adapted, prompts, public
from infogap.publish.sorted_rows import SortedRows, in_order
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES

_EXTRA_INFO: dict[str, Any] = {
    "index": pl.Int64,
    "split": pl.String,
    "task_id": pl.String,
    "question": pl.String,
    "family": pl.String,
    "difficulty": pl.String,
    "verifier": pl.String,
    "verifier_settings": pl.String,
}
_REPETITION = {"repetition": pl.Int64}  # which repetition of its task a row is, from 0; only if the recipe repeats rows


def _schema(extra_info: dict[str, Any]) -> pl.Schema:
    return pl.Schema(
        {
            "data_source": pl.String(),
            "prompt": MESSAGES,
            "ability": pl.String(),
            "reward_model": pl.Struct({"style": pl.String, "ground_truth": pl.String}),
            "extra_info": pl.Struct(extra_info),
        }
    )


FEATURES = _schema(_EXTRA_INFO)
TASK = pl.col("extra_info").struct.field("task_id")
_REPEATED_FEATURES = _schema(_EXTRA_INFO | _REPETITION)
# The metadata that a verifier needs besides the gold answer; the rest, such as a row's origin, is not published.
_SETTINGS = ("gym", "tolerance")


def _rows(run: Run, mix: pl.DataFrame) -> SortedRows:
    """Select the tasks of the mix that have a gold answer, sorted by id."""
    return SortedRows(run, TASKS, in_order(_tasks(run, mix)), partial(verl_rows, schema=FEATURES))


def _tasks(run: Run, mix: pl.DataFrame) -> pl.DataFrame:
    selected = mix.lazy().filter("selected").select("trace_id")
    used = run.scan(TRACES).join(selected, on="trace_id", how="semi").select("task_id").unique()
    there = run.scan(TASKS).filter(pl.col("answer").is_not_null()).join(used, on="task_id", how="semi")
    return there.select("task_id").collect()


def _repeated_rows(run: Run, mix: pl.DataFrame, repeat_to: int) -> SortedRows:
    """Repeat the tasks in passes, each sorted by id; a last, partial pass has tasks drawn by the seed.

    Raises InputError if there are more tasks than rows.
    """
    once = in_order(_tasks(run, mix))
    if once.height > repeat_to:
        message = (
            f"{repeat_to:,} rows cannot hold the {once.height:,} tasks of the mix that have a gold answer; raise it, "
            "or reduce the tasks of the mix (balance.coverage.tasks)"
        )
        raise InputError(run.problem_at(("publish", "rl", "repeat_to"), message))
    passes, rest = divmod(repeat_to, once.height) if once.height else (0, 0)
    drawn = pl.Series([stable_id("rl", run.recipe.seed, task_id) for task_id in once["task_id"]], dtype=pl.String)
    last = once.with_columns(drawn=drawn).sort("drawn").head(rest)
    ids = pl.concat([*[once["task_id"]] * passes, last["task_id"]])
    places = pl.DataFrame({"task_id": ids}).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    repeated = places.with_columns(repetition=pl.col("place") // max(once.height, 1))
    return SortedRows(run, TASKS, repeated, partial(verl_rows, schema=_REPEATED_FEATURES))


def verl_rows(run: Run, tasks: pl.DataFrame, schema: pl.Schema, split: str = "train") -> pl.DataFrame:
    """Make a row per task and repetition. `ability` is the family or, without one, the verifier."""
    known = tasks.with_columns(
        prompts(run, tasks),
        public(tasks, "source"),
        verifier_settings=pl.Series([_settings(text) for text in tasks["metadata"]], dtype=pl.String),
    )
    extra = pl.struct(
        pl.col("place").alias("index"),
        pl.lit(split).alias("split"),
        *("task_id", "question", "family", "difficulty", "verifier", "verifier_settings"),
        *[name for name in _REPETITION if schema is _REPEATED_FEATURES],
    )
    return (
        known.with_columns(
            data_source="source",
            ability=pl.coalesce("family", "verifier"),
            reward_model=pl.struct(style=pl.lit("rule"), ground_truth="answer"),
            extra_info=extra,
        )
        .select(*schema)
        .match_to_schema(schema)
    )


def named_split(rows: pl.DataFrame, split: str) -> pl.DataFrame:
    """Set `extra_info.split` to the split that the rows are in."""
    return rows.with_columns(pl.col("extra_info").struct.with_fields(split=pl.lit(split)))


def _settings(metadata: str | None) -> str | None:
    """Return the verifier's settings as JSON; None if it needs none."""
    known: dict[str, Any] = orjson.loads(metadata or "{}")
    kept = {key: known[key] for key in _SETTINGS if key in known}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode() if kept else None


def _notes(traces: pl.DataFrame, rows: int) -> list[str]:
    without = traces.filter("selected")["task_id"].n_unique() - rows
    return [f"{without:,} of the mix's tasks have no gold answer and are not in `rl`"] if without else []


def _as_asked(config: Config, run: Run) -> Config:
    """Return the config with rows repeated as set in `publish.rl`."""
    asked = run.recipe.publish.rl
    if asked is None:
        return config

    def notes(traces: pl.DataFrame, rows: int) -> list[str]:
        tasks = _tasks(run, traces).height
        return [*_notes(traces, tasks), f"`rl` repeats {_number(tasks)} to {rows:,} rows: {_passes(tasks, rows)}"]

    return adapted(
        config,
        RL,
        shows=f"{RL.shows}, repeated to {asked.repeat_to:,} rows",
        features=_REPEATED_FEATURES,
        meanings=MEANINGS | {"extra_info": MEANINGS["extra_info"] + "; `repetition` counts the passes from 0"},
        rows=partial(_repeated_rows, repeat_to=asked.repeat_to),
        card="In `{{ name }}`, columns are named as verl reads them: the gold answer is `reward_model.ground_truth`, "
        "and `extra_info` has the name of the verifier and its other settings as JSON. {{ tasks | number }} tasks are "
        "repeated to {{ rows | number }} rows, so that training files with more or fewer tasks have equal size: "
        "{{ passes }}. `extra_info.repetition` counts the passes from 0.",
        card_values=_repetitions,
        notes=notes,
    )


def _number(tasks: int) -> str:
    return f"{tasks:,} {'task' if tasks == 1 else 'tasks'}"


def _repetitions(folder: Path) -> dict[str, Any]:
    """Return the numbers of tasks and rows, and a phrase on the passes over the tasks."""
    counts = pl.scan_parquet(folder / "*.parquet").select(tasks=TASK.n_unique(), rows=pl.len())
    tasks, rows = counts.collect().row(0)
    return {"tasks": tasks, "rows": rows, "passes": _passes(tasks, rows)}


def _passes(tasks: int, rows: int) -> str:
    whole, rest = divmod(rows, tasks)
    said = f"{whole:,} whole pass{'' if whole == 1 else 'es'} in the same order"
    return f"{said}, then {rest:,} of the tasks in drawn order" if rest else said


MEANINGS = {
    "data_source": "the task's source",
    "prompt": PROMPT,
    "ability": "the task's family; without one, its verifier",
    "reward_model": "`style` is `rule`; `ground_truth` is the gold answer",
    "extra_info": "the task: `index`, `split`, `task_id`, `question`, `family`, `difficulty`, the name of its "
    "`verifier` and that verifier's other settings as JSON",
}
RL = Config(
    name="rl",
    shows="the tasks of the mix with their gold answers, for reinforcement learning",
    features=FEATURES,
    # The task id; from the second pass on, with the repetition.
    key=pl.concat_str(
        pl.col("extra_info").struct.field("^(task_id|repetition)$").cast(pl.String), separator=" "
    ).str.strip_suffix(" 0"),
    task=TASK,
    named_split=named_split,
    rows=_rows,
    meanings=MEANINGS,
    empty="no task of the mix has a gold answer",
    of_mix=True,
    as_asked=_as_asked,
    card="In `{{ name }}`, columns are named as verl reads them: the gold answer is `reward_model.ground_truth`, and "
    "`extra_info` has the name of the verifier and its other settings as JSON.",
    notes=_notes,
)
