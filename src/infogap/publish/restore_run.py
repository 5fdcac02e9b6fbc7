"""Turn a pulled dataset into a run: rebuild its tables up to the mix from the config `traces`, with an editable recipe.

Whatever was not published is missing: worked solutions, contexts that no config has, errors, details of verdicts, token
log-probabilities and the scores behind `gap`. The rest is enough to make a mix and a dataset.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import orjson
import polars as pl
from pydantic import ValidationError

from infogap import plugins
from infogap.atomic_files import write_text
from infogap.errors import InputError
from infogap.ids import digest, file_digest
from infogap.publish.configs.base import is_messages
from infogap.publish.configs.held_out import HELD_OUT
from infogap.publish.configs.privileged import PRIVILEGED
from infogap.publish.configs.recovery import ADDED_TO_PROMPT, RECOVERY
from infogap.publish.configs.rl import RL, TASK
from infogap.publish.not_published import NOT_PUBLISHED, WITHHELD_TEXT
from infogap.publish.published_dataset import PublishedDataset
from infogap.recipe import Recipe, load_recipe, yaml_text
from infogap.recipe.verifier_names import GYM_VERIFIER
from infogap.rows.message_turns import TURNS
from infogap.runs import manifest
from infogap.runs.manifest import Manifest
from infogap.runs.pipeline import stages
from infogap.runs.pulled_run import FIXED_STAGES, PulledFrom, fixed_part
from infogap.runs.run_folder import ROWS_PER_PART, Run
from infogap.schema import (
    CONTAMINATION,
    CONTEXTS,
    DERIVATIONS,
    DERIVED,
    DERIVED_VERDICTS,
    DUPLICATES,
    GAPS,
    MEASURES,
    STATED_VERDICTS,
    TASKS,
    TOKEN_GAPS,
    TOKENS,
    TRACE_TURNS,
    TRACES,
    VERDICTS,
    Table,
)
from infogap.teachers.base import FailureReason
from infogap.text.spoken_turns import read_turns

EVERY_TRACE = "traces"
_RECIPE_AS_PULLED = ".recipe.sha256"
_WITHHELD = "https://not-published.invalid"  # stands in for required but unpublished settings, such as a server
_MODELS = (("teacher",), ("teachers",), ("verify", "judge", "by"), ("measure", "gap", "scorer"))  # keys of a recipe


def restore(folder: Path, repo: str, version: str) -> list[str]:
    """Make the tables and the recipe of a run from the dataset in `folder`/dataset; return notes for the user.

    Without the config `traces`, or if the recipe is not valid in this installation, only the recipe is written.
    """
    dataset = PublishedDataset(folder / "dataset")
    write_text(folder / "recipe.yaml", yaml_text(_recipe(dataset, repo)))
    if EVERY_TRACE not in dataset.configs:
        return [f"its configs do not include `{EVERY_TRACE}`: it can be read and compared, but not rebalanced"]
    try:
        run = Run.create(load_recipe(folder / "recipe.yaml"), folder)
    except InputError as error:
        reason = str(error).splitlines()[0]
        return [f"its recipe is not valid here ({reason}): it can be read and compared, but not rebalanced"]
    run.save_recipe()
    write_text(folder / _RECIPE_AS_PULLED, file_digest(folder / "recipe.yaml"))
    PulledFrom(repo, version, fixed_part(run.recipe)).write(run)
    traces = pl.scan_parquet([folder / "dataset" / path for path in dataset.files(EVERY_TRACE)]).collect()
    tasks, notes = _tasks(dataset, traces, run.recipe)
    _write(run, TASKS, tasks)
    _write_traces(run, traces)
    _write(run, STATED_VERDICTS, traces.drop_nulls("stated_verdict"))
    _write(run, TRACE_TURNS, traces.drop_nulls("turns") if "turns" in traces.columns else TRACE_TURNS.empty())
    _write(run, _measures(traces), traces.drop_nulls("words"))
    how = pl.when(pl.col("jaccard") == 1).then(pl.lit("exact")).otherwise(pl.lit("minhash"))
    _write(run, DUPLICATES, traces.drop_nulls("duplicate_of").with_columns(how=how))
    _write(run, CONTAMINATION, _contaminated(traces))
    _write(run, CONTEXTS, _contexts(dataset))
    for table in (TOKENS, GAPS, TOKEN_GAPS):
        _write(run, table, table.empty())
    _write_manifests(run, dataset)
    return notes


def _write_traces(run: Run, traces: pl.DataFrame) -> None:
    """Write the traces with their verdicts, derived ones apart."""
    with_texts = traces.with_columns(error=_error()).with_columns(_texts())
    if not run.recipe.derive:
        _write(run, TRACES, with_texts)
        _write(run, VERDICTS, traces.drop_nulls("verdict"))
        return
    own, derived = pl.col("derived").is_null(), pl.col("derived").is_not_null()
    _write(run, TRACES, with_texts.filter(own))
    _write(run, VERDICTS, traces.filter(own).drop_nulls("verdict"))
    _write(run, DERIVED, with_texts.filter(derived))
    _write(run, DERIVED_VERDICTS, traces.filter(derived).drop_nulls("verdict"))
    _write(run, DERIVATIONS, traces.filter(derived))


def changed_since_pulled(folder: Path) -> str | None:
    """Return why another version must not replace the run in a folder; None if it is unchanged since it was pulled."""
    try:
        pulled = (folder / _RECIPE_AS_PULLED).read_text()
    except OSError:
        return "holds a run that was not pulled"
    return (
        None if pulled == file_digest(folder / "recipe.yaml") else "has a recipe that was changed after it was pulled"
    )


def _recipe(dataset: PublishedDataset, repo: str) -> dict[str, Any]:
    """Return the recipe, set to publish to the repository it came from.

    Required settings of a teacher, judge or scorer that are not published are filled in with an address that leads
    nowhere. Top-ups are removed, as their traces are already among the published ones.
    """
    written: dict[str, Any] = orjson.loads(orjson.dumps(dataset.recipe))
    written["publish"]["repo"] = repo
    written.get("balance", {}).pop("top_up", None)
    for _ in range(8):  # filling in one setting can reveal that others are missing
        try:
            Recipe.model_validate_json(orjson.dumps(written))
            break
        except ValidationError as error:
            missing = [each["loc"] for each in error.errors() if each["type"] == "missing"]
            filled = [_fill_in(written, path) for path in missing]
            if not any(filled):
                break
    return written


def _fill_in(recipe: dict[str, Any], path: tuple[int | str, ...]) -> bool:
    """Fill in a missing setting of a model with a placeholder address; return False for any other setting."""
    if not any(path[: len(place)] == place for place in _MODELS):
        return False
    section: Any = recipe
    for key in path[:-1]:
        # Pydantic's path includes the kind of teacher, which is not a key of the recipe.
        section = section[key] if isinstance(section, dict) and key in section else section
    section[path[-1]] = _WITHHELD
    return True


def _write(run: Run, table: Table, rows: pl.DataFrame) -> None:
    """Write a table sorted by its key; columns that were not published are null."""
    have = [name for name in table.schema if name in rows.columns]
    columns = [_cast(name, rows.schema[name], table.schema[name]) for name in have]
    columns += [pl.lit(None, dtype).alias(name) for name, dtype in table.schema.items() if name not in have]
    frame = rows.select(columns).select(table.schema.names()).sort(table.key)
    with run.rewrite(table) as out:
        for start in range(0, max(frame.height, 1), ROWS_PER_PART):
            out.write(frame[start : start + ROWS_PER_PART])


def _cast(name: str, have: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """Cast a column to a table's type; fields missing from structs in a list become null."""
    if not (isinstance(have, pl.List) and isinstance(wanted, pl.List) and isinstance(wanted.inner, pl.Struct)):
        return pl.col(name).cast(wanted)
    there = {field.name for field in have.inner.fields} if isinstance(have.inner, pl.Struct) else set()
    nothing = pl.lit(None)
    fields = [
        (pl.element().struct.field(field.name) if field.name in there else nothing).cast(field.dtype).alias(field.name)
        for field in wanted.inner.fields
    ]
    return pl.col(name).list.eval(pl.struct(fields))


def _error() -> pl.Expr:
    """Restore the column `error`: a failed request has an error, whose text is not published, and no verdict."""
    failed = pl.col("finish_reason").is_in(get_args(FailureReason)) & pl.col("verdict").is_null()
    return pl.when(failed).then(pl.lit("not published"))


def _texts() -> list[pl.Expr]:
    """Fill in a placeholder for the text of a leaking trace that was published without it.

    With a response, the trace is excluded from a mix as a leak; `check_restored` keeps it out of mixes that keep leaks.
    """
    withheld = pl.col("leak").fill_null(False) & (pl.col("response") == "") & pl.col("error").is_null()
    return [
        pl.when(withheld).then(pl.lit(WITHHELD_TEXT)).otherwise("response").alias("response"),
        pl.when(withheld).then(pl.lit("")).otherwise("reasoning").alias("reasoning"),
    ]


def _measures(traces: pl.DataFrame) -> Table:
    """Return the table of measures, extended by the recipe's own measures: columns that belong to no other table."""
    known = {
        *TASKS.schema,
        *TRACE_TURNS.schema,
        *TRACES.schema,
        *VERDICTS.schema,
        *STATED_VERDICTS.schema,
        *MEASURES.schema,
        *DERIVATIONS.schema,
    }
    known |= {*DUPLICATES.schema, "selected", "stratum", "reason", "mixes"}
    return MEASURES.extended({name: dtype for name, dtype in traces.schema.items() if name not in known})


def _contaminated(traces: pl.DataFrame) -> pl.DataFrame:
    """Return the traces that were excluded from the mixes because they match an evaluation set."""
    reasons = pl.col("reason") == "contaminated"
    if "mixes" in traces.columns:
        reasons = pl.col("mixes").list.eval(pl.element().struct.field("reason") == "contaminated").list.any()
    found = traces.filter(reasons.fill_null(False))
    return found.select("task_id", id="trace_id", where=pl.lit("trace"))


def _contexts(dataset: PublishedDataset) -> pl.DataFrame:
    """Return the contexts that were published; with several mixes, each has a config of its own."""
    frames = [
        pl.read_parquet([dataset.folder / path for path in dataset.files(config)])
        for config in dataset.configs
        if dataset.registered(config) == PRIVILEGED.name
    ]
    if not frames:
        return CONTEXTS.empty()
    together = pl.concat([frame.rename({"privileged_context": "text"}).select(*CONTEXTS.schema) for frame in frames])
    return together.unique("context_id")


# Tasks


def _tasks(dataset: PublishedDataset, traces: pl.DataFrame, recipe: Recipe) -> tuple[pl.DataFrame, list[str]]:
    """Return the tasks, and a note if some lack metadata.

    Their metadata holds the turns of a conversation and the verifier's settings, as far as any config shows them. Tasks
    that lack these are marked, and cannot be published in a config that needs them.
    """
    tasks = traces.unique("task_id", keep="first", maintain_order=True)
    turns, settings = _turns(dataset, traces, recipe), _settings(dataset)
    with_settings = [name for name in tasks["verifier"].unique() if _has_settings(name)]
    metadata, lacking = [], 0
    for task_id, verifier in tasks.select("task_id", "verifier").iter_rows():
        known: dict[str, Any] = settings.get(task_id, {})
        if task_id in turns and len(turns[task_id]) > 1:
            known = known | {TURNS: turns[task_id]}
        unknown = [TURNS] if any(len(each) > 1 for each in turns.values()) and task_id not in turns else []
        unknown += ["settings"] if verifier in with_settings and task_id not in settings else []
        lacking += bool(unknown)
        metadata.append(orjson.dumps(known | ({NOT_PUBLISHED: unknown} if unknown else {})).decode())
    notes = [
        f"{lacking:,} of {tasks.height:,} tasks lack turns of a conversation or settings of a verifier, as no config "
        "shows them; configs that need these for one of the tasks are refused"
    ]
    return tasks.with_columns(metadata=pl.Series(metadata, dtype=pl.String)), notes if lacking else []


def _has_settings(verifier: str) -> bool:
    """Return True if tasks of this verifier may need settings besides the gold answer."""
    return verifier == GYM_VERIFIER or ":" in verifier or bool(plugins.load("verifiers", verifier).takes_tolerance)


def _turns(dataset: PublishedDataset, traces: pl.DataFrame, recipe: Recipe) -> dict[str, list[dict[str, str]]]:
    """Return the student's prompt for each task that any config shows; more than one message is a conversation."""
    found: dict[str, list[dict[str, str]]] = {}
    calling = traces.drop_nulls("turns").select("trace_id", "turns") if "turns" in traces.columns else traces.clear()
    own = {trace_id: len(read_turns(written)) for trace_id, written, *_ in calling.iter_rows()}  # turns of a trace
    for config in dataset.configs:
        columns = dataset.columns(config)
        name = next((name for name in ("prompt", "messages") if is_messages(columns.get(name))), None)
        if name is None:
            continue
        task: pl.Expr = plugins.load("configs", dataset.registered(config)).task
        rows = pl.read_parquet([dataset.folder / path for path in dataset.files(config)])
        ids = pl.col("trace_id") if "trace_id" in columns else pl.lit(None)
        wanted = rows.select(task_id=task, turns=name, trace_id=ids).unique("task_id")
        for task_id, messages, trace_id in wanted.iter_rows():
            prompt = messages if name == "prompt" else messages[: -own.get(trace_id, 1)]
            if dataset.registered(config) == RECOVERY.name:
                prompt = prompt[:-ADDED_TO_PROMPT]
            found[task_id] = [{key: each[key] for key in ("role", "content")} for each in prompt]
            if recipe.generate is not None:
                last = found[task_id][-1]
                last["content"] = last["content"].removesuffix(f"\n\n{recipe.generate.instruction}")
    return found


def _settings(dataset: PublishedDataset) -> dict[str, dict[str, Any]]:
    """Return the verifier settings that configs for reinforcement learning show, by task."""
    found: dict[str, dict[str, Any]] = {}
    for config in dataset.configs:
        if dataset.registered(config) not in (RL.name, HELD_OUT.name):
            continue
        rows = pl.read_parquet([dataset.folder / path for path in dataset.files(config)])
        shown = pl.col("extra_info").struct.field("verifier_settings")
        for task_id, text in rows.select(task_id=TASK, text=shown).iter_rows():
            found[task_id] = orjson.loads(text or "{}")
    return found


# Manifests


def _write_manifests(run: Run, dataset: PublishedDataset) -> None:
    """Write a manifest for each stage whose tables were pulled, with the published fingerprints and counts."""
    counts, fingerprints = dataset.made.get("counts", {}), dataset.made["fingerprints"]
    for stage in stages(run.recipe):
        if stage.name not in FIXED_STAGES:
            continue
        folder = stage.folders[0]
        paths = [path for name in stage.folders for path in (run.path / name).glob("*.parquet")]
        counted = dict(counts.get(stage.name, {}))
        if folder == CONTAMINATION.name and "decontaminated" in dataset.made:
            counted["as_published"] = dataset.made["decontaminated"]
        made = Manifest(
            stage=stage.name,
            version=stage.version,
            fingerprint=fingerprints.get(folder, digest([dataset.sha256, folder])),
            part={},
            inputs={},
            rows=pl.scan_parquet(run.path / folder / "*.parquet").select(pl.len()).collect().item(),
            counts=counted,
            files=manifest.describe_files(run.path, paths),
        )
        manifest.write(run.manifest_path(folder), made)
