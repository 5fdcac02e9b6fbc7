"""What the card says of the comparison with evaluation sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.decontaminate.contaminated_traces import contaminated_traces
from infogap.runs.run_folder import Run
from infogap.schema import CONTAMINATION

_WHAT = {"question": ("question", "questions"), "trace": ("trace", "traces"), "context": ("context", "contexts")}


@dataclass(frozen=True)
class Decontaminated:
    """Texts in Markdown for the card: what was compared, with which sets, and how many match."""

    compared: str  # "questions and traces"
    sets: list[str]  # "`aime24` (30 questions, file with SHA-256 1f0c…)"
    matched: str  # "2 questions and 1 trace"
    dropped: int  # traces that are not in the mix because they match
    selected: int  # traces that match and are in the mix


def decontaminated(run: Run, traces: pl.DataFrame) -> Decontaminated | None:
    """What was found; None where the recipe names no evaluation sets. `traces` is what `traces_in_short` gives."""
    settings, found = run.recipe.decontaminate, run.manifest(CONTAMINATION.name)
    if settings is None or found is None:
        return None
    sets = zip(found.part["against"], found.counts["eval_sets"], strict=True)
    matched = found.counts["matched"]
    selected = traces.filter("selected").join(contaminated_traces(run).collect(), on="trace_id", how="semi")
    return Decontaminated(
        compared=" and ".join(_WHAT[what][1] for what in settings.on),
        sets=[_named(entry, counts["questions"]) for entry, counts in sets],
        matched=" and ".join(f"{matched[what]:,} {_WHAT[what][matched[what] != 1]}" for what in settings.on),
        dropped=traces.filter(pl.col("reason") == "contaminated").height,
        selected=selected.height,
    )


def _named(entry: dict[str, Any], questions: int) -> str:
    """A set by its name, how many questions of it were compared, and which version it was."""
    version = [f"{key} `{entry[key]}`" for key in ("config", "split", "revision") if entry[key]]
    if entry["sha256"]:
        version = [f"SHA-256 {entry['sha256'][:16]}"]
    elif not entry["revision"]:
        version.append("no fixed revision")
    size = f"{questions:,} question{'s' if questions != 1 else ''}"
    return f"`{entry['name']}` ({', '.join([size, *version])})"
