"""Check that no mix or config of a pulled run needs something that was not published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson
import polars as pl

from infogap import plugins
from infogap.balance.mix_pool import held_out_families
from infogap.errors import InputError
from infogap.publish.configs.held_out import HELD_OUT
from infogap.publish.configs.privileged import PRIVILEGED
from infogap.publish.configs.recovery import RECOVERY, RECOVERY_TRACE
from infogap.publish.configs.rl import RL
from infogap.publish.recovery_pairs import labels_with_attempts
from infogap.rows.message_turns import TURNS
from infogap.runs.pulled_run import PulledFrom
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS, TRACES, VERDICTS

NOT_PUBLISHED = "not_published"
"""The key of a task's metadata that lists what the pulled version does not hold of it."""
WITHHELD_TEXT = "(not published, as this trace leaks)"
"""The response given to a leaking trace that was published without its text."""


def check_restored(run: Run, mixes: pl.LazyFrame, configs: list[str]) -> None:
    """Raise InputError if publishing these mixes in these configs needs something that a pulled run lacks."""
    pulled = PulledFrom.of(run)
    if pulled is None:
        return
    _check_leaking_texts(run, pulled, mixes)
    selected = run.scan(TRACES).join(mixes.filter("selected"), on="trace_id", how="semi")
    for config, what, lacking in _lacking(run, selected.collect(), configs):
        raise InputError(
            f"the config `{config}` needs {what} of {len(lacking):,} {'task' if len(lacking) == 1 else 'tasks'} of the "
            f"mix (the first is {lacking[0]}), which {pulled.repo} at {pulled.version} does not hold; leave "
            f"`{config}` out of publish.configs, or restrict the mix"
        )


def _check_leaking_texts(run: Run, pulled: PulledFrom, mixes: pl.LazyFrame) -> None:
    withheld = run.scan(TRACES).filter(pl.col("response") == WITHHELD_TEXT).select("trace_id").collect()
    wanted = withheld if run.recipe.publish.model_dump().get("leaking_text") else withheld.clear()
    in_mixes = withheld.lazy().join(mixes.filter("selected"), on="trace_id", how="semi").collect()
    wanted = pl.concat([wanted, in_mixes]).unique()
    if wanted.height:
        raise InputError(
            f"the text of {wanted.height:,} leaking {'trace' if wanted.height == 1 else 'traces'} was not published by "
            f"{pulled.repo} at {pulled.version} (the first is {wanted['trace_id'].sort()[0]}); set `balance.leak: drop`"
        )


def _lacking(run: Run, selected: pl.DataFrame, configs: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    tasks = run.scan(TASKS).select("task_id", "family", "metadata").sort("task_id").collect()
    of_mix = tasks.join(selected, on="task_id", how="semi")
    for config in configs:
        if config == PRIVILEGED.name:
            contexts = run.scan(CONTEXTS).select("context_id").collect()
            unknown = selected.drop_nulls("context_id").join(contexts, on="context_id", how="anti")
            lacking = unknown["task_id"].unique().sort().to_list()
            if lacking:
                yield config, "the contexts", lacking
        if config in (RECOVERY.name, RECOVERY_TRACE.name) and (lacking := _without_attempts(run)):
            yield config, "the contexts", lacking
        needs = ["settings"] if config in (RL.name, HELD_OUT.name) else []
        if plugins.load("configs", config).prompts(run):
            needs.append(TURNS)
        for need in needs:
            shown = _held_out(run, tasks) if config == HELD_OUT.name else of_mix
            if lacking := list(_without(shown, need)):
                yield config, "the turns" if need == TURNS else "the verifier's settings", lacking


def _without_attempts(run: Run) -> list[str]:
    """Return the tasks whose contexts are not there to show which attempt a right trace was written after."""
    labels = labels_with_attempts(run.recipe)
    guided = run.scan(TRACES).filter(pl.col("privilege").is_in(labels)).drop_nulls("context_id")
    right = run.scan(VERDICTS).filter(verdict="correct").select("trace_id")
    unknown = guided.join(right, on="trace_id", how="semi").join(run.scan(CONTEXTS), on="context_id", how="anti")
    return unknown.select(pl.col("task_id").unique().sort()).collect()["task_id"].to_list()


def _held_out(run: Run, tasks: pl.DataFrame) -> pl.DataFrame:
    families = held_out_families(tasks["family"], run.recipe.balance.hold_out, run.recipe.seed)
    return tasks.filter(pl.col("family").is_in(families))


def _without(tasks: pl.DataFrame, need: str) -> Iterable[str]:
    for task_id, text in tasks.select("task_id", "metadata").iter_rows():
        if need in orjson.loads(text or "{}").get(NOT_PUBLISHED, []):
            yield task_id
