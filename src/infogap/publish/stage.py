"""The publish stage: the folder that goes to the Hub, whole or not at all."""

from __future__ import annotations

from typing import Any

import polars as pl

import infogap
from infogap.atomic import whole_folder
from infogap.console import progress
from infogap.errors import ShortfallError
from infogap.ids import file_digest
from infogap.overview import traces_in_short
from infogap.publish.card import card, template_path
from infogap.publish.configs import CONFIGS, Config
from infogap.publish.figures import mix_shares
from infogap.publish.provenance import FILE_NAME, INPUTS, as_json, fingerprints, library_versions, provenance
from infogap.publish.public import public_recipe
from infogap.publish.shards import write_config
from infogap.publish.slices import selected_ids
from infogap.run import Run
from infogap.stage import Outcome, Stage

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
    rows = {config.name: _rows(run, config) for config in configs}
    traces = traces_in_short(run)
    with whole_folder(run.path / FOLDER) as folder, progress("publish", sum(rows.values()), "rows") as advance:
        written = [write_config(run, config, folder, advance) for config in configs]
        (folder / FILE_NAME).write_bytes(as_json(provenance(run, written, mix_shares(run, traces))))
        (folder / "README.md").write_text(card(run, written, traces), encoding="utf-8")
    counts = {
        config.config.name: {"rows": config.rows, "files": len(config.shards), "bytes": config.bytes}
        for config in written
    }
    return Outcome(rows=sum(rows.values()), counts=counts, notes=_notes(run, traces))


def _rows(run: Run, config: Config) -> int:
    rows = int(selected_ids(run, config.selected_only).select(pl.len()).collect().item())
    if not rows:
        where = f"the mix in {run.path / 'mix'} selects no trace" if config.selected_only else "there are no traces"
        raise ShortfallError(
            f"nothing to publish as `{config.name}`: {where}; see `infogap status {run.path}`, or leave "
            f"`{config.name}` out of publish.configs"
        )
    return rows


def _notes(run: Run, traces: pl.DataFrame) -> list[str]:
    notes = []
    failed = int(traces["failed"].sum())
    if failed and "traces" in run.recipe.publish.configs:
        reasons = "error, filtered or too_long"
        notes.append(f"{failed:,} failed requests are rows of the config `traces`, with finish_reason {reasons}")
    if run.recipe.generate is None and "sft" in run.recipe.publish.configs:
        notes.append("the prompts in `sft` are the questions alone: imported traces do not say their instruction")
    return notes


STAGE = Stage("publish", (FOLDER,), INPUTS, 2, _part, _make)
