"""Compare two datasets: recipe, libraries, mixes, effects, and the rows of each config."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from infogap.balance.mix_table import OF_MIXES
from infogap.publish.published_dataset import PublishedDataset
from infogap.runs.manifest import changes

_EVERY_TRACE = "traces"  # the config with all traces of a run


@dataclass(frozen=True)
class Difference:
    """The differences between two datasets. Changes are lines such as `balance.size: 100 -> 200`."""

    recipe: list[str]
    libraries: list[str]
    mix: list[str]  # axis.value, with the number of traces in each
    configs: dict[str, dict[str, int]]  # by config that both have: rows in both, only in the first, only in the second
    other_contents: list[str]  # configs with the same ids in both but different files: texts or labels differ
    configs_only_first: list[str] = field(default_factory=list)
    configs_only_second: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)  # effects that differ, with their 95 % intervals
    other_splits: dict[str, int] = field(default_factory=dict)  # by config: rows in both that are in different splits
    # True if both have the same traces, with equal texts and measurements; None if either lacks the config `traces`.
    same_traces: bool | None = None
    chosen_otherwise: dict[str, int] = field(default_factory=dict)  # by mix that both have: rows that the other lacks

    @property
    def same(self) -> bool:
        """True if both have the same recipe, and the same rows with the same contents in every config."""
        return (
            not self.recipe
            and not self.other_contents
            and not self.other_splits
            and not self.configs_only_first
            and not self.configs_only_second
            and all(not each["only_first"] and not each["only_second"] for each in self.configs.values())
        )

    @property
    def in_short(self) -> str:
        """Summarise the differences in one phrase."""
        if self.same:
            return "the same dataset"
        if self.same_traces:
            if not self.chosen_otherwise:
                return "the same traces"
            several = len(self.chosen_otherwise) > 1
            said = [
                f"{count:,} {'row' if count == 1 else 'rows'}{f' of `{name}`' if several else ''} chosen otherwise"
                for name, count in self.chosen_otherwise.items()
                if count
            ]
            return f"the same traces, {', '.join(said)}" if said else "the same traces, the same rows chosen"
        if self.same_traces is None:
            return "different datasets"
        counts = self.configs[_EVERY_TRACE]
        if counts["only_first"] or counts["only_second"]:
            return "other traces"
        return "the same traces, with other texts or measurements"


def difference(first: Path, second: Path) -> Difference:
    """Compare two runs or dataset folders (published or pulled).

    Raises InputError if a folder holds no dataset made by infogap, or an incomplete one.
    """
    one, other = PublishedDataset(first), PublishedDataset(second)
    both = [name for name in one.configs if name in other.configs]
    configs = {name: _overlap(one.keys(name), other.keys(name)) for name in both}
    splits = {name: _moved(one, other, name) for name in both}
    return Difference(
        recipe=changes(one.recipe, other.recipe),
        libraries=changes(one.libraries, other.libraries),
        mix=changes(one.mix, other.mix),
        configs=configs,
        other_contents=[
            name
            for name, counts in configs.items()
            if not counts["only_first"] and not counts["only_second"] and one.digests(name) != other.digests(name)
        ],
        configs_only_first=[name for name in one.configs if name not in both],
        configs_only_second=[name for name in other.configs if name not in both],
        effects=_effects(one, other),
        other_splits={name: moved for name, moved in splits.items() if moved},
        same_traces=_same_traces(one, other),
        chosen_otherwise={
            name: max(counts["only_first"], counts["only_second"])
            for name, counts in configs.items()
            if one.registered(name) == "sft"
        },
    )


def _overlap(one: pl.Series, other: pl.Series) -> dict[str, int]:
    both = int(one.is_in(other.implode()).sum())
    return {"both": both, "only_first": len(one) - both, "only_second": len(other) - both}


def _moved(one: PublishedDataset, other: PublishedDataset, config: str) -> int:
    """Count the rows that both have, in different splits."""
    if set(one.splits(config)) == set(other.splits(config)) == {"train"}:
        return 0
    of_each = [dataset.digested(config, dataset.columns(config).names()[:1]) for dataset in (one, other)]
    joined = of_each[0].join(of_each[1], on="key", suffix="_other")
    return joined.filter(pl.col("split") != pl.col("split_other")).height


def _same_traces(one: PublishedDataset, other: PublishedDataset) -> bool | None:
    """Return True if all traces are equal, apart from their places in the mixes; None if either lacks `traces`."""
    if not all(_EVERY_TRACE in dataset.configs for dataset in (one, other)):
        return None
    columns = [
        {name: dtype for name, dtype in dataset.columns(_EVERY_TRACE).items() if name not in OF_MIXES}
        for dataset in (one, other)
    ]
    if columns[0] != columns[1]:
        return False
    rows = [dataset.digested(_EVERY_TRACE, [*columns[0]]).select("key", "content") for dataset in (one, other)]
    return rows[0].sort("key").equals(rows[1].sort("key"))


def _effects(one: PublishedDataset, other: PublishedDataset) -> list[str]:
    """List the effects that differ or that only one dataset has, with their intervals."""
    mine, theirs = _by_name(one), _by_name(other)
    lines = []
    for name in dict.fromkeys([*mine, *theirs]):
        before, after = mine.get(name), theirs.get(name)
        if before != after:
            lines.append(f"{name}: {_estimate(before)} -> {_estimate(after)}")
    return lines


def _by_name(dataset: PublishedDataset) -> dict[str, dict[str, Any]]:
    several = len({row["teacher"] for row in dataset.effects}) > 1
    return {
        f"{row['privilege']}{' - ' + row['against'] if row['against'] else ''}, {row['of']}"
        + (f", {row['teacher']}" if several else ""): row
        for row in dataset.effects
    }


def _estimate(row: dict[str, Any] | None) -> str:
    if row is None:
        return "none"
    mean = "-" if row["mean"] is None else f"{row['mean']:.4g}"
    interval = "no interval" if row["low"] is None or row["high"] is None else f"{row['low']:.4g} to {row['high']:.4g}"
    return f"{mean} ({interval}; {row['tasks']:,} tasks)"
