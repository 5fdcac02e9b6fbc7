"""What a dataset is made from: the tables, as their manifests describe them, and the versions of libraries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from infogap import plugins
from infogap.publish.redaction import public_label
from infogap.runs.manifest import Manifest
from infogap.runs.run_folder import Run

FILE_NAME = "infogap.json"
"""The file of a dataset that records it."""
INPUTS = ("tasks", "traces", "verdicts", "measures", "duplicates", "contamination", "mix")
_NOT_COUNTED = ("mixes", "cost")  # the first is shown as the mix, the second is private
_NAMED_BY_TEXTS = ("end_tokens_removed", "tags_not_read", "finish_reasons_not_known")  # keys from files
# Libraries that affect tasks, verdicts, measures, the mix or the files.
_LIBRARIES = (
    "datasets",
    "datasketch",
    "huggingface-hub",
    "jinja2",
    "matplotlib",
    "math-verify",
    "numpy",
    "polars",
    "pyarrow",
    "reasoning-gym",
    "scipy",
    "xllamacpp",
)


def fingerprints(run: Run) -> dict[str, str]:
    """Return the fingerprint of each published table, which covers its recipe, sources and stage version."""
    return {folder: manifest.fingerprint for folder, manifest in _manifests(run)}


def library_versions(run: Run) -> dict[str, str]:
    """Return the versions of the libraries that affect the dataset, and of the packages that provide its configs."""
    packages = {plugins.provider("configs", name) for name in run.recipe.publish.configs}
    versions = {name: installed for name, installed in packages if name not in ("", "infogap")}
    for name in _LIBRARIES:
        if (installed := _installed(name)) is not None:
            versions[name] = installed
    return versions


@cache  # each time, the file of all that a package says of itself would be parsed
def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None  # an extra that this installation does not have


def stage_counts(run: Run) -> dict[str, dict[str, int | float]]:
    """Return the nonzero counts in each stage's manifest (kept, skipped, failed, and why), flattened.

    Texts are left out, as they can contain local paths; so are the cost, and the counts that the card shows as the mix.
    Counts are sorted by name, as in infogap.json, from which a pulled run has them.
    """
    flat = {
        manifest.stage: dict(
            sorted(_flat({key: value for key, value in manifest.counts.items() if key not in _NOT_COUNTED}))
        )
        for _, manifest in _manifests(run)
    }
    return {stage: counts for stage, counts in flat.items() if counts}


def _manifests(run: Run) -> Iterator[tuple[str, Manifest]]:
    """Yield the folder and manifest of each table the recipe needs; an earlier recipe may have left others behind."""
    for folder in INPUTS:
        manifest = run.manifest(folder)
        if manifest is not None and not (folder == "contamination" and run.recipe.decontaminate is None):
            yield folder, manifest


def _flat(counts: Any, prefix: str = "") -> Iterator[tuple[str, int | float]]:
    """Flatten {"skipped": {"answer: no answer": 2}} to `skipped: answer: no answer` -> 2, naming sources."""
    if isinstance(counts, dict):
        for key, value in counts.items():
            if key in _NAMED_BY_TEXTS:
                continue
            yield from _flat(value, f"{prefix}: {public_label(str(key))}" if prefix else public_label(str(key)))
    elif isinstance(counts, list):
        seen = Counter[str]()
        for number, item in enumerate(counts, start=1):
            name = public_label(str(item.get("source", number) if isinstance(item, dict) else number))
            seen[name] += 1
            # Files of other folders may have the same name, and folders are not published.
            yield from _flat(item, f"{prefix} {name}" if seen[name] == 1 else f"{prefix} {name} ({seen[name]})")
    elif isinstance(counts, int | float) and counts:
        yield prefix, counts
