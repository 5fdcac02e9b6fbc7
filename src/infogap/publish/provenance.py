"""infogap.json: what a published dataset was made from and by, without a time of day or a machine's name."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson

import infogap
from infogap.publish.figures import Share
from infogap.publish.public import public_label, public_recipe
from infogap.publish.shards import Written
from infogap.run import Run

FILE_NAME = "infogap.json"
INPUTS = ("tasks", "traces", "verdicts", "measures", "duplicates", "mix")
# What shapes tasks, verdicts, measures, the mix or the files.
_LIBRARIES = (
    "datasets",
    "datasketch",
    "huggingface-hub",
    "jinja2",
    "llama-cpp-python",
    "math-verify",
    "numpy",
    "polars",
    "pyarrow",
    "reasoning-gym",
    "scipy",
)


def provenance(run: Run, written: list[Written], shares: dict[str, list[Share]]) -> dict[str, Any]:
    """Recipe, fingerprints of the stages, library versions, digests of the files, and the mix that came out."""
    selected = sum(share.count for share in shares["privilege"])  # the one axis that every trace has a value of
    return {
        "infogap": infogap.__version__,
        "recipe": public_recipe(run.recipe),
        "fingerprints": {folder: found.fingerprint for folder in INPUTS if (found := run.manifest(folder))},
        "libraries": _library_versions(),
        "mix": {
            "size": {"target": run.recipe.balance.size, "achieved": selected},
            "axes": {axis: [asdict(share) for share in values] for axis, values in shares.items()},
        },
        "files": {
            shard.path: {"sha256": shard.sha256, "bytes": shard.bytes, "rows": shard.rows}
            for config in written
            for shard in config.shards
        },
    }


def as_json(value: dict[str, Any]) -> bytes:
    """Indented JSON with sorted keys: people read it, and equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def stage_counts(run: Run) -> dict[str, dict[str, int | float | str]]:
    """Per stage what its manifest counts (kept, skipped, failed, and why), flattened; nothing that is zero."""
    manifests = {folder: run.manifest(folder) for folder in INPUTS}
    flat = {found.stage: _flat(found.counts) for found in manifests.values() if found}
    return {stage: counts for stage, counts in flat.items() if counts}


def _flat(counts: dict[str, Any], prefix: str = "") -> dict[str, int | float | str]:
    flat: dict[str, int | float | str] = {}
    for key, value in counts.items():
        name = prefix + public_label(str(key))
        if isinstance(value, dict):
            flat |= _flat(value, f"{name}: ")
        elif isinstance(value, str):
            flat[name] = public_label(value)
        elif isinstance(value, int | float) and value:
            flat[name] = value
    return flat


def _library_versions() -> dict[str, str]:
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue  # an extra that this installation does not have
    return versions
