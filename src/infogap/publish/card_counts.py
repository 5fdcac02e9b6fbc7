"""Count what the card tells of a run: lengths, leaks by kind, and what was left out and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from infogap.balance.exclusion_reasons import EXPLAINED
from infogap.decontaminate.contaminated_traces import contaminated_traces
from infogap.effects.trace_summary import count_by
from infogap.leaks.leak_scan import KINDS
from infogap.publish.parquet_shards import Written
from infogap.runs.run_folder import Run
from infogap.schema import CONTAMINATION, MEASURES

_WHAT = {"question": ("question", "questions"), "trace": ("trace", "traces"), "context": ("context", "contexts")}
_STEPS = {
    "tasks": "rows that gave no task",
    "import": "rows that gave no trace",
    "generate": "tasks that were not sampled",
}
_COUNTED = re.compile(r"(?:sources (?P<source>.+): )?(?:left_out|skipped): (?P<reason>.+)")


@dataclass(frozen=True)
class Lengths:
    """How long the published texts are: the unit (`tokens` by the teacher's tokenizer, or `words`), and the sums."""

    unit: str
    run: int  # of all traces
    configs: dict[str, int]  # of each config whose rows are traces


def lengths_of(run: Run, traces: pl.DataFrame, written: list[Written], folder: Path) -> Lengths:
    """Sum the lengths of the published traces of each config, a trace as often as rows have its text.

    `traces` is from `traces_in_short`. Lengths are in words if the tokens of some answered trace are not known.
    """
    answered = traces.select("trace_id", "failed", "leak", "completion_tokens", "words").filter(~pl.col("failed"))
    unit = "words" if answered["completion_tokens"].null_count() else "tokens"
    length = pl.col("completion_tokens" if unit == "tokens" else "words")
    lengths = answered.select("trace_id", "leak", length=length).drop_nulls("length")
    # The config `traces` and others of its columns omit the text of leaking traces, unless the recipe publishes it.
    with_text = lengths if run.recipe.publishes_leaking_text else lengths.filter(~pl.col("leak"))
    configs = {}
    for each in written:
        ids = [name for name in each.columns if name == "trace_id" or name.endswith("_trace_id")]
        shown = with_text if {"response", "reasoning"} <= {*each.columns} else lengths
        if ids:
            files = [folder / shard.path for shard in each.shards]
            configs[each.config.name] = sum(_length_of(file, name, shown) for file in files for name in ids)
    return Lengths(unit, int(lengths["length"].sum()), configs)


def _length_of(file: Path, column: str, lengths: pl.DataFrame) -> int:
    """Sum the lengths of a file's traces; `lengths` has `trace_id`, sorted, and `length`. Unknown ones count 0."""
    if lengths.is_empty():
        return 0
    ids = pl.read_parquet(file, columns=[column])[column].drop_nulls()
    places = lengths["trace_id"].search_sorted(ids).clip(upper_bound=lengths.height - 1)
    found = lengths.select("trace_id", "length")[places]
    return int(found.filter(found["trace_id"] == ids)["length"].sum())


@dataclass(frozen=True)
class LeakKind:
    """The traces with a leak of one kind: all of them, and those in a mix."""

    kind: str
    meaning: str
    traces: int
    selected: int


def leak_kinds(run: Run, traces: pl.DataFrame) -> list[LeakKind]:
    """Count leaking traces by kind; one with several kinds counts for each. `traces` is from `traces_in_short`."""
    kinds = (
        run.scan(MEASURES)
        .filter("leak")
        .select("trace_id", kind=pl.col("leaks").list.eval(pl.element().struct.field("kind")).list.unique())
        .explode("kind")
        .drop_nulls("kind")
        .collect()
        .join(traces.select("trace_id", "selected"), on="trace_id")
        .group_by("kind")
        .agg(traces=pl.len(), selected=pl.col("selected").sum())
        .sort("traces", "kind", descending=[True, False])
    )
    return [LeakKind(kind, KINDS.get(kind, ""), *counts) for kind, *counts in kinds.iter_rows()]


@dataclass(frozen=True)
class LeftOut:
    """A number of rows, tasks or traces that were left out: of what, for which reason, how many."""

    what: str
    reason: str
    count: int


def left_out(counts: dict[str, dict[str, int | float]], traces: pl.DataFrame) -> list[LeftOut]:
    """List what each step left out. `counts` is from `stage_counts`, `traces` from `traces_in_short`.

    Traces that are not in any mix come last, by the reason of the first mix.
    """
    rows = []
    for step, what in _STEPS.items():
        for name, count in counts.get(step, {}).items():
            if found := _COUNTED.fullmatch(name):
                of = f"{what} (`{found['source']}`)" if found["source"] else what
                rows.append(LeftOut(of, found["reason"], int(count)))
    if failed := int(traces["failed"].sum()):
        rows.append(LeftOut("requests", "failed, without text", failed))
    outside = traces.select("selected", "failed", "reason").filter(~pl.col("selected") & ~pl.col("failed"))
    for reason, count in count_by(outside, "reason").items():
        rows.append(LeftOut("traces that are in no mix", EXPLAINED.get(reason, reason), count))
    return rows


@dataclass(frozen=True)
class Decontaminated:
    """Markdown for the card: what was compared with which evaluation sets, and how many match."""

    compared: str  # such as "questions and traces"
    sets: list[str]  # such as "`aime24` (30 questions, SHA-256 1f0c…)"
    matched: str  # such as "2 questions and 1 trace"
    dropped: int  # traces excluded from the mix because they match
    selected: int | None  # matching traces in the mix; None for a pulled run, where this is unknown

    def as_json(self) -> dict[str, Any]:
        """Return the fields that do not depend on the mix as JSON-able values."""
        return {"compared": self.compared, "sets": self.sets, "matched": self.matched}


def decontaminated(run: Run, traces: pl.DataFrame) -> Decontaminated | None:
    """Describe the decontamination; None if the recipe names no evaluation sets. `traces` is from `traces_in_short`."""
    settings, manifest = run.recipe.decontaminate, run.manifest(CONTAMINATION.name)
    if settings is None or manifest is None:
        return None
    dropped = traces.filter(pl.col("reason") == "contaminated").height
    if published := manifest.counts.get("as_published"):  # a pulled run
        return Decontaminated(**published, dropped=dropped, selected=None)
    sets = zip(manifest.part["against"], manifest.counts["eval_sets"], strict=True)
    matched = manifest.counts["matched"]
    selected = traces.filter("selected").join(contaminated_traces(run).collect(), on="trace_id", how="semi")
    return Decontaminated(
        compared=" and ".join(_WHAT[what][1] for what in settings.on),
        sets=[_named(entry, counts["questions"]) for entry, counts in sets],
        matched=" and ".join(f"{matched[what]:,} {_WHAT[what][matched[what] != 1]}" for what in settings.on),
        dropped=dropped,
        selected=selected.height,
    )


def _named(entry: dict[str, Any], questions: int) -> str:
    """Describe an evaluation set: its name, its number of compared questions and its version."""
    version = [f"{key} `{entry[key]}`" for key in ("config", "split", "revision") if entry[key]]
    if entry["sha256"]:
        version = [f"SHA-256 {entry['sha256'][:16]}"]
    elif not entry["revision"]:
        version.append("no fixed revision")
    size = f"{questions:,} question{'s' if questions != 1 else ''}"
    return f"`{entry['name']}` ({', '.join([size, *version])})"
