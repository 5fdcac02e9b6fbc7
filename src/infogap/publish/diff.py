"""Differences between two datasets: recipe, libraries, the mix, and the rows of each config."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap import plugins
from infogap.errors import InputError
from infogap.publish.provenance import FILE_NAME
from infogap.runs.manifest import changes


@dataclass(frozen=True)
class Difference:
    """One dataset against another. Changes are lines such as `balance.size: 100 -> 200`."""

    recipe: list[str]
    libraries: list[str]
    mix: list[str]  # axis.value: the traces of each
    configs: dict[str, dict[str, int]]  # per config that both have: rows in both, only in the one, the other
    other_contents: list[str]  # configs with the same ids in both, but different files: texts or labels differ

    @property
    def same(self) -> bool:
        """True if both hold the same rows with the same contents in every config, and have the same recipe."""
        return (
            not self.recipe
            and not self.other_contents
            and all(not each["only_first"] and not each["only_second"] for each in self.configs.values())
        )


def difference(first: Path, second: Path) -> Difference:
    """Compare two runs, or two datasets' folders (published or pulled).

    Raises InputError if a folder holds no dataset made by infogap, or an incomplete one.
    """
    one, other = _Dataset(first), _Dataset(second)
    configs = {name: _overlap(one.ids(name), other.ids(name)) for name in one.configs if name in other.configs}
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
    )


class _Dataset:
    def __init__(self, path: Path) -> None:
        self.folder = path / "dataset" if (path / "dataset" / FILE_NAME).is_file() else path
        try:
            made = orjson.loads((self.folder / FILE_NAME).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            raise InputError(f"{path} holds no dataset that infogap made (no {FILE_NAME})") from None
        try:
            self.recipe: dict[str, Any] = made["recipe"]
            self.libraries: dict[str, str] = made["libraries"]
            self._mixes = list(made["mixes"])
            several = len(self._mixes) > 1
            self.mix: dict[str, dict[str, int]] = {
                f"{name}, {axis}" if several else axis: {value["value"]: value["count"] for value in values}
                for name, mix in made["mixes"].items()
                for axis, values in mix["axes"].items()
            }
            self._sha256 = {str(path): str(entry["sha256"]) for path, entry in made["files"].items()}
            self.configs = list(dict.fromkeys(path.split("/")[1] for path in self._sha256))
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise InputError(
                f"{self.folder / FILE_NAME} is not as infogap writes it ({type(error).__name__}: {error}); "
                "publish or pull the dataset again"
            ) from error

    def ids(self, config: str) -> pl.Series:
        """Return the config's keys: ids of traces, pairs, contexts or tasks."""
        key = plugins.load("configs", self._registered(config)).key
        paths = [self.folder / path for path in self._files(config)]
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise InputError(f"{missing[0]} is missing; publish or pull the dataset again")
        try:
            return pl.scan_parquet(paths).select(key=key).collect()["key"]
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"cannot read the files of {self.folder / 'data' / config}: {reason}") from error

    def _registered(self, config: str) -> str:
        """Return the registered name of a config; of several mixes, `NAME` is `sft`, and `NAME-rl` is `rl`."""
        known = plugins.names("configs")
        if config in known:
            return config
        if config in self._mixes:
            return "sft"
        kind = next((name for name in known if any(config == f"{mix}-{name}" for mix in self._mixes)), None)
        if kind is None:
            raise InputError(f"{self.folder} has the config '{config}', which this version of infogap does not know")
        return kind

    def digests(self, config: str) -> list[str]:
        """Return the SHA-256 of the config's files; the same rows in the same order give the same digests."""
        return [self._sha256[path] for path in self._files(config)]

    def _files(self, config: str) -> list[str]:
        return sorted(path for path in self._sha256 if path.split("/")[1] == config)


def _overlap(one: pl.Series, other: pl.Series) -> dict[str, int]:
    both = int(one.is_in(other.implode()).sum())
    return {"both": both, "only_first": len(one) - both, "only_second": len(other) - both}
