"""The publish stage: the folder that goes to the Hub, whole or not at all."""

from __future__ import annotations

from typing import Any

import polars as pl

import infogap
from infogap.atomic_files import whole_folder
from infogap.balance.exclusion_reasons import Funnel
from infogap.console import progress
from infogap.effects.trace_summary import traces_in_short
from infogap.errors import ShortfallError
from infogap.ids import file_digest
from infogap.publish.card import card, template_path
from infogap.publish.configs import CONFIGS
from infogap.publish.configs.base import Config
from infogap.publish.parquet_shards import write_config
from infogap.publish.provenance import (
    FILE_NAME,
    INPUTS,
    as_json,
    fingerprints,
    library_versions,
    mix_shares,
    provenance,
)
from infogap.publish.redaction import public_recipe
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import MIX

FOLDER = "dataset"


def _part(run: Run) -> dict[str, Any]:
    """All that infogap.json and the card say, so that they depend on no run before this one.

    The recipe is the published one, without the repository: a dataset that moves is not made again.
    """
    return {
        "recipe": public_recipe(run.recipe),
        "template": file_digest(template_path()),
        "infogap": infogap.__version__,
        "libraries": library_versions(),
        "fingerprints": fingerprints(run),
    }


def _make(run: Run) -> Outcome:
    """Write README.md, data/CONFIG/*.parquet and infogap.json.

    Raises ShortfallError where a config would be empty.
    """
    configs = [CONFIGS[name] for name in run.recipe.publish.configs]
    places = [_places(run, config) for config in configs]
    traces = traces_in_short(run)
    rows = sum(each["place"].n_unique() for each in places)
    with whole_folder(run.path / FOLDER) as folder, progress("publish", rows, "rows") as advance:
        written = [
            write_config(run, config, each, folder, advance) for config, each in zip(configs, places, strict=True)
        ]
        (folder / FILE_NAME).write_bytes(as_json(provenance(run, written, mix_shares(run, traces))))
        (folder / "README.md").write_text(card(run, written, traces, folder), encoding="utf-8")
    counts = {
        config.config.name: {"rows": config.rows, "files": len(config.shards), "bytes": config.bytes}
        for config in written
    }
    return Outcome(rows=rows, counts=counts, notes=_notes(run, traces, counts))


def _places(run: Run, config: Config) -> pl.DataFrame:
    places = config.places(run)
    if places.is_empty():
        raise ShortfallError(
            f"nothing to publish as `{config.name}`: {config.empty}{_why_empty(run)}; see `infogap status {run.path}`, "
            f"or leave `{config.name}` out of publish.configs"
        )
    return places


def _why_empty(run: Run) -> str:
    """What took every trace out of a mix that is empty."""
    found = run.manifest(MIX.name)
    counts = found.counts.get("funnel") if found else None
    if not counts or counts["selected"]:
        return ""
    return f" (of {counts['traces']:,} traces: {Funnel.from_counts(counts).in_words()})"


def _notes(run: Run, traces: pl.DataFrame, counts: dict[str, dict[str, int]]) -> list[str]:
    notes = []
    failed = int(traces["failed"].sum())
    if failed and "traces" in run.recipe.publish.configs:
        reasons = "error, filtered or too_long"
        notes.append(f"{failed:,} failed requests are rows of the config `traces`, with finish_reason {reasons}")
    prompted = [name for name in run.recipe.publish.configs if name != "traces"]
    if run.recipe.generate is None and prompted:
        named = " and ".join(f"`{name}`" for name in prompted)
        notes.append(f"the prompts in {named} are the questions alone: imported traces do not say their instruction")
    if "rl" in counts and (without := traces.filter("selected")["task_id"].n_unique() - counts["rl"]["rows"]):
        notes.append(f"without a gold answer, and so not in `rl`: {without:,} of the mix's tasks")
    if "privileged" in run.recipe.publish.configs:
        notes.append(
            "the config `privileged` publishes what teachers were shown, answers and worked solutions included"
        )
    return notes


STAGE = Stage("publish", (FOLDER,), INPUTS, 3, _part, _make)
