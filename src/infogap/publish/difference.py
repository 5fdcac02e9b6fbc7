"""What differs between two datasets: recipe, libraries, the mix, and which traces they hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.errors import UserError
from infogap.manifest import changes
from infogap.publish.provenance import FILE_NAME


@dataclass(frozen=True)
class Difference:
    """One dataset against another. Changes are lines such as `balance.size: 100 -> 200`."""

    recipe: list[str]
    libraries: list[str]
    mix: list[str]  # axis.value: how many traces each has
    configs: dict[str, dict[str, int]]  # per config that both have: traces in both, only in the one, the other

    @property
    def same(self) -> bool:
        """Whether both hold the same traces in every config, chosen by the same recipe."""
        return not self.recipe and all(
            not each["only_first"] and not each["only_second"] for each in self.configs.values()
        )


def difference(first: Path, second: Path) -> Difference:
    """Compare two runs, or two datasets' folders (published or pulled).

    Raises UserError where a folder holds no dataset that infogap made.
    """
    one, other = _Dataset(first), _Dataset(second)
    return Difference(
        recipe=changes(one.made["recipe"], other.made["recipe"]),
        libraries=changes(one.made["libraries"], other.made["libraries"]),
        mix=changes(one.mix(), other.mix()),
        configs={name: _overlap(one.ids(name), other.ids(name)) for name in one.configs() if name in other.configs()},
    )


class _Dataset:
    def __init__(self, path: Path) -> None:
        self.folder = path / "dataset" if (path / "dataset" / FILE_NAME).is_file() else path
        try:
            self.made: dict[str, Any] = orjson.loads((self.folder / FILE_NAME).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            raise UserError(f"{path} holds no dataset that infogap made (no {FILE_NAME})") from None

    def configs(self) -> list[str]:
        return list(dict.fromkeys(path.split("/")[1] for path in self.made["files"]))

    def ids(self, config: str) -> pl.Series:
        """The config's trace ids."""
        paths = sorted(self.folder / path for path in self.made["files"] if path.split("/")[1] == config)
        return pl.scan_parquet(paths).select("trace_id").collect()["trace_id"]

    def mix(self) -> dict[str, dict[str, int]]:
        axes = self.made["mix"]["axes"]
        return {axis: {value["value"]: value["count"] for value in values} for axis, values in axes.items()}


def _overlap(one: pl.Series, other: pl.Series) -> dict[str, int]:
    both = int(one.is_in(other.implode()).sum())
    return {"both": both, "only_first": len(one) - both, "only_second": len(other) - both}
