"""Turn a run's tables into the dataset folder for the Hub, written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from infogap.atomic_files import whole_folder
from infogap.charts import drawing
from infogap.effects.effects_table import effects_of
from infogap.effects.trace_summary import traces_in_short
from infogap.errors import ShortfallError
from infogap.progress import progress
from infogap.publish.card import card, lacking_tasks
from infogap.publish.card_counts import decontaminated
from infogap.publish.card_figures import MISSING, draw_figures
from infogap.publish.configs.base import Config
from infogap.publish.lacking_configs import View, in_words, mix_rows, nothing_to_publish, told_apart
from infogap.publish.made_from import FILE_NAME
from infogap.publish.not_published import check_restored
from infogap.publish.parquet_shards import Written, in_shards, in_splits, write_config
from infogap.publish.privileged_text import PrivilegedText
from infogap.publish.provenance import PublishedLeaks, as_json, mix_shares, provenance
from infogap.publish.published_views import views_asked_for
from infogap.publish.run_slices import release_memory, spill_folder
from infogap.publish.sorted_rows import SortedRows, TracesById, traces_by_id
from infogap.publish.source_credits import credit_notes, credits_of
from infogap.publish.splits import SplitPlan, check_splits, plan_splits, split_notes
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import MIX

Rows = Iterable[pl.DataFrame]


def write_dataset(run: Run, target: Path) -> Outcome:
    """Write README.md, data/CONFIG/*.parquet and infogap.json into a folder, whole or not at all.

    A config without rows is left out and reported as a shortfall. Raises ShortfallError if no config has rows, and
    InputError if rows do not match their config's columns or would publish what only teachers saw. After an error the
    folder is unchanged.
    """
    with traces_by_id(run) as by_id:
        return _write_dataset(run, target, by_id)


def _write_dataset(run: Run, target: Path, by_id: TracesById | None) -> Outcome:
    check_restored(run, run.scan(MIX), run.recipe.publish.configs)
    asked_for = list(views_asked_for(run))
    rows = {config.name: in_shards(_sliced(config.rows(run, mix_rows(run, mix)), by_id)) for config, mix in asked_for}
    if all(_size(each) == 0 for each in rows.values()):
        raise ShortfallError(nothing_to_publish(run, asked_for[:1]))
    plan = plan_splits(run)
    with spill_folder(run) as aside, whole_folder(target) as folder:
        # What takes much memory for a short time comes before what stays in memory while rows are written.
        effects = [each.without_tasks() for each in effects_of(run)]
        traces_in_short(run).write_ipc(aside / "traces.arrow")
        written, leaks = _write_configs(run, asked_for, rows, plan, folder)
        if plan is not None:
            check_splits(plan, written, folder)
        traces = pl.read_ipc(aside / "traces.arrow")
        provided = provenance(run, written, traces, effects, mix_shares(run, traces), leaks, plan)
        if (compared := decontaminated(run, traces)) is not None:
            provided["decontaminated"] = compared.as_json()
        figures = draw_figures(run, traces, folder)
        provided["figures"] = {each.path: each.sha256 for each in figures.values()}
        (folder / FILE_NAME).write_bytes(as_json(provided))
        text = card(run, written, traces, effects, folder, leaks, plan, figures)
        (folder / "README.md").write_text(text, encoding="utf-8")
    full, lacking, by_design = told_apart(run, asked_for, {each.config.name for each in written})
    notes = [*_notes(run, traces, written, full), *leaks.notes(), *([] if drawing.available() else [MISSING])]
    notes += [f"no config `{name}`: {why}" for name, why in by_design.items()]
    return Outcome(
        rows=sum(each.rows for each in written),
        counts={each.config.name: _counts(each) for each in written},
        notes=[*notes, *(split_notes(plan, written) if plan is not None else [])],
        shortfall=nothing_to_publish(run, lacking) or None,
    )


def _write_configs(
    run: Run, asked_for: list[View], rows: dict[str, Rows], plan: SplitPlan | None, folder: Path
) -> tuple[list[Written], PublishedLeaks]:
    """Write the files of all configs, and compare their texts with what only teachers saw.

    `rows` is emptied: the rows of a config are let go once they are written. Raises ShortfallError if there are none,
    InputError if a text holds what only teachers saw.
    """
    total = sum(size for each in rows.values() if (size := _size(each)) is not None)
    for each in rows.values():
        if isinstance(each, SortedRows):
            each.prepare()
    privileged = PrivilegedText(run)
    release_memory()  # of what indexing the contexts took
    written = []
    with progress("publish", total, "rows") as advance:
        for config, mix in asked_for:
            own = rows.pop(config.name)
            size = _size(own)
            if size == 0:
                continue
            # A config that does not know its number of rows in advance is not part of the progress total.
            seen = _unseen if size is None else advance
            made = write_config(config, config.columns(run), _divided(config, own, plan, privileged), folder, seen)
            if made.rows:
                written.append(_with_lacking_tasks(run, mix, made, folder))
            else:
                shutil.rmtree(folder / "data" / config.name, ignore_errors=True)
    if not written:
        raise ShortfallError(nothing_to_publish(run, asked_for[:1]))
    privileged.refuse()
    return written, privileged.published_leaks()


def _with_lacking_tasks(run: Run, mix: str, made: Written, folder: Path) -> Written:
    """Add the counts of the tasks that have no row, if the config counts them."""
    if made.config.without is None:
        return made
    files = [folder / shard.path for shard in made.shards]
    tasks = pl.scan_parquet(files).select(task_id=made.config.task).unique().collect()["task_id"].sort()
    return replace(made, without=made.config.without(run, mix_rows(run, mix), tasks))


def _counts(made: Written) -> dict[str, Any]:
    sizes: dict[str, Any] = {"rows": made.rows, "files": len(made.shards), "bytes": made.bytes}
    return sizes | ({"tasks_without": dict(made.without)} if made.without else {})


def _size(rows: Rows) -> int | None:
    """Return how many rows a config has; None if that shows only as they are made."""
    return rows.total if isinstance(rows, SortedRows) else None


def _divided(
    config: Config, rows: Iterable[pl.DataFrame], plan: SplitPlan | None, privileged: PrivilegedText
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield a config's frames with their splits, each compared with what only teachers saw."""
    whole = (("train", frame) for frame in rows)
    for split, frame in whole if plan is None else in_splits(config, rows, plan.tasks, plan.names):
        for looked_through in privileged.watch(config, [frame]):
            yield split, looked_through


def _sliced(rows: Iterable[pl.DataFrame], by_id: TracesById | None) -> Iterable[pl.DataFrame]:
    return replace(rows, by_id=by_id) if isinstance(rows, SortedRows) else rows


def _unseen(_rows: int = 1, **_extra: Any) -> None:
    """Ignore progress."""


def _notes(run: Run, traces: pl.DataFrame, written: list[Written], views: list[View]) -> list[str]:
    notes = []
    for each, (config, mix) in zip(written, views, strict=True):
        several = config.of_mix and run.recipe.balance.mixes is not None
        told = config.notes(_in_mix(traces, mix_rows(run, mix)) if several else traces, each.rows)
        notes += [f"{config.name}: {note}" if several else note for note in told]
    notes += credit_notes(run.recipe.publish.license, credits_of(run, traces))
    prompted = [each.config.name for each in written if each.config.prompts(run)]
    if run.recipe.generate is None and prompted:
        where = f"the prompts in {in_words(prompted)}"
        notes.append(f"{where} are only the questions: the instruction of imported traces is unknown")
    notes += [f"{each.config.name}: {lacking_tasks(each.without)}" for each in written if each.without]
    for each in written:
        if each.config.privileged:
            notes.append(f"the config `{each.config.name}` publishes {each.config.privileged}")
    return notes


def _in_mix(traces: pl.DataFrame, mix: pl.DataFrame) -> pl.DataFrame:
    """Return the traces with `selected` and `reason` taken from this mix alone."""
    own = mix.select("trace_id", "selected", "reason")
    joined = traces.drop("selected", "reason").join(own, on="trace_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("selected").fill_null(False))
