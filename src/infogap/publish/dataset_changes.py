"""Compare a dataset with its last version: files, columns, rows and statistics, and the version they require."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from infogap.publish.published_dataset import PublishedDataset
from infogap.publish.version_rules import LEVELS, Level

Value = int | float | str | None


@dataclass(frozen=True)
class RowChanges:
    """Counts of one config's rows, matched by key. `changed` rows have new contents, `moved` ones another split."""

    before: int
    after: int
    added: int = 0
    removed: int = 0
    changed: int = 0
    moved: int = 0


@dataclass(frozen=True)
class Statistic:
    """A number of the dataset before and after; None if it did not exist or was not recorded."""

    name: str
    before: Value
    after: Value


@dataclass(frozen=True)
class DatasetChanges:
    """The changes since the last version; if there is none, everything is new."""

    files: dict[str, list[str]]  # the paths that were "added", "removed" and "changed"
    rows: dict[str, RowChanges]  # by config
    statistics: list[Statistic]
    reasons: dict[Level, list[str]] = field(default_factory=dict)  # the changes that require each level

    @property
    def level(self) -> Level | None:
        """The part of the version that the changes raise; None if nothing has changed."""
        return next((level for level in reversed(LEVELS) if self.reasons.get(level)), None)

    @property
    def why(self) -> list[str]:
        """The changes that require this level."""
        return self.reasons[self.level] if self.level is not None else []


def dataset_changes(before: PublishedDataset | None, after: PublishedDataset) -> DatasetChanges:
    """Compare a dataset with its last version, row by row if the files of a config differ.

    Removing a config, column or split, or changing a column's type, is a major change. Adding one of these, or rows, is
    a minor change. Anything else (rows removed or changed, another recipe, other libraries) is a patch.

    Raises InputError if a file is missing or cannot be read.
    """
    old_files, new_files = before.sha256 if before else {}, after.sha256
    files = {
        "added": sorted(new_files.keys() - old_files.keys()),
        "removed": sorted(old_files.keys() - new_files.keys()),
        "changed": sorted(path for path in old_files.keys() & new_files.keys() if old_files[path] != new_files[path]),
    }
    configs = list(dict.fromkeys([*after.configs, *(before.configs if before else [])]))
    rows = {config: _row_changes(config, before, after) for config in configs}
    statistics = list(_statistics(before, after))
    if before is None:
        return DatasetChanges(files, rows, statistics)
    found = list(_shape_changes(before, after))
    for config, each in rows.items():
        in_both = config in before.configs and config in after.configs
        if in_both and each.added:
            found.append(("minor", f"{each.added:,} new {'row' if each.added == 1 else 'rows'} in `{config}`"))
        for count, what in (
            (each.removed, "removed"),
            (each.changed, "changed"),
            (each.moved, "in another split"),
        ):
            if in_both and count:
                found.append(("patch", f"{count:,} {'row' if count == 1 else 'rows'} of `{config}` {what}"))
    if not found and (any(files.values()) or _of_making(before) != _of_making(after)):
        found.append(("patch", "the same rows, made or stored differently"))
    return DatasetChanges(
        files, rows, statistics, {level: [why for of, why in found if of == level] for level in LEVELS}
    )


def _shape_changes(before: PublishedDataset, after: PublishedDataset) -> Iterator[tuple[Level, str]]:
    for config in before.configs:
        if config not in after.configs:
            yield "major", f"the config `{config}` was removed"
    for config in after.configs:
        if config not in before.configs:
            yield "minor", f"the config `{config}` is new"
            continue
        old_splits, new_splits = before.splits(config), after.splits(config)
        yield from (
            ("major", f"the split `{name}` of `{config}` was removed") for name in old_splits.keys() - new_splits
        )
        yield from (("minor", f"the split `{name}` of `{config}` is new") for name in new_splits.keys() - old_splits)
        old, new = before.columns(config), after.columns(config)
        yield from (("major", f"the column `{name}` of `{config}` was removed") for name in old if name not in new)
        yield from (
            ("major", f"the column `{name}` of `{config}` changed from {old[name]} to {new[name]}")
            for name in old
            if name in new and old[name] != new[name]
        )
        yield from (("minor", f"the column `{name}` of `{config}` is new") for name in new if name not in old)


def _row_changes(config: str, before: PublishedDataset | None, after: PublishedDataset) -> RowChanges:
    old = before.rows(config) if before is not None else 0
    new = after.rows(config)
    if before is None or not old or not new:
        return RowChanges(old, new, added=new, removed=old)
    if before.digests(config) == after.digests(config) and before.files(config) == after.files(config):
        return RowChanges(old, new)
    mine, theirs = after.columns(config), before.columns(config)
    common = [name for name in mine if theirs.get(name) == mine[name]]
    if not set(after.key(config).meta.root_names()) <= set(common):
        return RowChanges(old, new, added=new, removed=old)
    one = before.digested(config, common).rename({"content": "old", "split": "old_split"})
    both = one.join(after.digested(config, common), on="key")
    return RowChanges(
        old,
        new,
        added=new - both.height,
        removed=old - both.height,
        changed=both.filter(pl.col("old") != pl.col("content")).height,
        moved=both.filter(pl.col("old_split") != pl.col("split")).height,
    )


def _of_making(dataset: PublishedDataset) -> dict[str, Any]:
    """Return the content of infogap.json without the version."""
    publish = {key: value for key, value in dataset.recipe["publish"].items() if key != "version"}
    return dataset.made | {"recipe": dataset.recipe | {"publish": publish}}


def _statistics(before: PublishedDataset | None, after: PublishedDataset) -> Iterator[Statistic]:
    old, new = dict(_numbers(before)) if before is not None else {}, dict(_numbers(after))
    for name in dict.fromkeys([*new, *old]):
        yield Statistic(name, old.get(name), new.get(name))


def _numbers(dataset: PublishedDataset) -> Iterator[tuple[str, Value]]:
    """Flatten the statistics and the contents of each mix."""
    yield from _flat(dataset.statistics)
    for name, mix in dataset.made["mixes"].items():
        of = f"{name}: " if len(dataset.mixes) > 1 else ""
        yield f"{of}traces in the mix", mix["size"]["achieved"]
        for axis, shares in mix["axes"].items():
            for share in shares:
                yield f"{of}{axis} {share['value']}", share["count"]


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    for name, value in values.items():
        label = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{label}: ")
        else:
            yield label, value
