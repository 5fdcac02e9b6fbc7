"""Write infogap.json: what a published dataset was made from, and its mix; without times or machine names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import orjson
import polars as pl

import infogap
from infogap.effects.teacher_results import Effects
from infogap.publish.made_from import fingerprints, library_versions, stage_counts
from infogap.publish.parquet_shards import Written
from infogap.publish.redaction import public_recipe
from infogap.publish.splits import SplitPlan
from infogap.publish.statistics import published_effects, statistics_of
from infogap.recipe.axis_targets import AxisTargets
from infogap.runs.run_folder import Run
from infogap.schema import MIX

AXES = ("band", "verdict", "family", "privilege")


@dataclass(frozen=True)
class Share:
    """One value of an axis of a mix, with its target (None if the recipe sets none) and its achieved share."""

    value: str
    target: float | str | None
    target_count: int | None
    count: int
    share: float


@dataclass(frozen=True)
class MixShares:
    """One mix: its size, its target size (None if the recipe sets none), and the shares on its axes."""

    size: int
    target: int | None
    axes: dict[str, list[Share]]


@dataclass(frozen=True)
class PublishedLeaks:
    """The leaking traces whose text a dataset shows, and how its texts were compared with the contexts."""

    traces: int  # in any config
    configs: dict[str, int]  # number of traces by config; configs without any are left out
    kept: bool  # True if a mix keeps them; otherwise only the config `traces` shows them
    shared_run: int | None  # no text shares this many words in a row with a context; None if nothing was compared

    @property
    def in_words(self) -> str:
        """Describe them as in `6 leaking traces (sft 6)`; return an empty string if there are none."""
        if not self.traces:
            return ""
        named = ", ".join(f"`{name}` {count:,}" for name, count in self.configs.items())
        return f"{self.traces:,} leaking trace{'' if self.traces == 1 else 's'} ({named})"

    @property
    def asked_for(self) -> str:
        """The setting of the recipe that publishes their text."""
        return "balance.leak: keep" if self.kept else "publish.leaking_text: true"

    def notes(self) -> Iterator[str]:
        """Yield notes for the user who publishes."""
        if self.traces:
            yield f"published with their text, as requested by `{self.asked_for}`: {self.in_words}"
        if self.shared_run is None:
            yield "no text was compared with the contexts, because `publish.shared_run` is null"


def mix_shares(run: Run, traces: pl.DataFrame) -> dict[str, MixShares]:
    """Return each mix by name, with the target and achieved shares of the values on each axis."""
    manifest = run.manifest(MIX.name)
    counted = manifest.counts.get("mixes", {}) if manifest else {}
    table = run.scan(MIX).filter("selected").select("mix", "trace_id").collect()
    shares = {}
    of_axes = traces.select("trace_id", *AXES)
    for name, mix in run.recipe.balance.named_mixes():
        selected = of_axes.join(table.filter(pl.col("mix") == name), on="trace_id", how="semi")
        wanted = counted.get(name, {}).get("axes", {})
        axes = {axis: _shares(selected, axis, mix.axes.get(axis), wanted.get(axis, {})) for axis in AXES}
        # All other axes, such as numeric ranges, are taken from the stage's own counts.
        axes |= {axis: _as_counted(values, selected.height) for axis, values in wanted.items() if axis not in AXES}
        shares[name] = MixShares(selected.height, mix.traces, axes)
    return shares


def _as_counted(values: dict[str, dict[str, Any]], size: int) -> list[Share]:
    return [
        Share(value, None, cell["target"], cell["achieved"], cell["achieved"] / size if size else 0.0)
        for value, cell in values.items()
    ]


def _shares(selected: pl.DataFrame, axis: str, target: Any, wanted: dict[str, dict[str, int]]) -> list[Share]:
    counts = dict(selected.drop_nulls(axis).group_by(axis).len().iter_rows())
    if isinstance(target, AxisTargets):
        target = target.shares
    targets = (
        {value: share for value, share in target.items() if isinstance(share, float)}
        if isinstance(target, dict)
        else {}
    )
    return [
        Share(
            value=value,
            target=target if isinstance(target, str) else targets.get(value, 0.0 if targets else None),
            target_count=wanted.get(value, {}).get("target"),
            count=counts.get(value, 0),
            share=counts.get(value, 0) / selected.height if selected.height else 0.0,
        )
        for value in sorted(counts.keys() | targets.keys() | wanted.keys())
    ]


def provenance(
    run: Run,
    written: list[Written],
    traces: pl.DataFrame,
    effects: list[Effects],
    shares: dict[str, MixShares],
    leaks: PublishedLeaks,
    plan: SplitPlan | None,
) -> dict[str, Any]:
    """Return the content of infogap.json; `traces` comes from `traces_in_short`, `effects` from `effects_of`.

    It holds the recipe, the fingerprints of the stages, library versions, counts, mixes, splits, statistics, effects
    with their intervals, published leaks, and the digests of the files.
    """
    splits = {} if plan is None else {"splits": {name: asdict(count) for name, count in plan.counts.items()}}
    return splits | {
        "statistics": statistics_of(run, traces, written),
        "effects": published_effects(effects),
        "infogap": infogap.__version__,
        "recipe": public_recipe(run.recipe),
        "fingerprints": fingerprints(run),
        "libraries": library_versions(run),
        "leaks": asdict(leaks),
        "counts": stage_counts(run),
        "mixes": {
            name: {
                "size": {"target": mix.target, "achieved": mix.size},
                "axes": {axis: [asdict(share) for share in values] for axis, values in mix.axes.items()},
            }
            for name, mix in shares.items()
        },
        "files": {
            shard.path: {"sha256": shard.sha256, "bytes": shard.bytes, "rows": shard.rows}
            for config in written
            for shard in config.shards
        },
    }


def as_json(value: dict[str, Any]) -> bytes:
    """Format as readable, indented JSON with sorted keys, so that equal values give equal bytes.

    The recipe keeps its own order, which decides which mix is the default and which split comes first.
    """
    ordered = {key: each if key == "recipe" else _sorted(each) for key, each in sorted(value.items())}
    return orjson.dumps(ordered, option=orjson.OPT_INDENT_2) + b"\n"


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(each) for each in value] if isinstance(value, list) else value
