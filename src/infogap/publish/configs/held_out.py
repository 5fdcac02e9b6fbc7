"""The config `held_out`: the tasks of families held out of every mix, to evaluate models trained on the mixes."""

from __future__ import annotations

from functools import partial

import polars as pl

from infogap.balance.mix_pool import held_out_families
from infogap.publish.configs.base import Config
from infogap.publish.configs.rl import FEATURES, MEANINGS, TASK, named_split, verl_rows
from infogap.publish.sorted_rows import SortedRows, in_order
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES


def _rows(run: Run, _mix: pl.DataFrame) -> SortedRows:
    """Select the tasks of the families in `balance.hold_out` that have a gold answer, sorted by id."""
    tasks = run.scan(TASKS).select("task_id", "family", with_answer=pl.col("answer").is_not_null()).collect()
    with_traces = tasks.join(run.scan(TRACES).select("task_id").collect(), on="task_id", how="semi")
    families = held_out_families(with_traces["family"], run.recipe.balance.hold_out, run.recipe.seed)
    held_out = tasks.filter("with_answer", pl.col("family").is_in(families))
    return SortedRows(
        run, TASKS, in_order(held_out.select("task_id")), partial(verl_rows, schema=FEATURES, split="test")
    )


HELD_OUT = Config(
    name="held_out",
    shows="the tasks of the families that are held out of every mix, with their gold answers, for evaluation",
    features=FEATURES,
    meanings=MEANINGS,
    key=pl.col("extra_info").struct.field("task_id"),
    task=TASK,
    named_split=named_split,
    rows=_rows,
    empty="no task with a gold answer is held out; name families in `balance.hold_out`",
    card="`held_out` has the tasks of families that do not occur in the mix, in the columns of `rl`: use them to "
    "evaluate models trained on the mix.",
)
