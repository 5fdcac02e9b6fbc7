"""Read a published dataset folder: what its infogap.json records, and the rows of its configs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import orjson
import polars as pl

from infogap import plugins
from infogap.bucket.stored_run import local_folder
from infogap.errors import InputError
from infogap.publish.made_from import FILE_NAME

Read = TypeVar("Read")
_DATA, _FIGURES = "data", "figures"


def is_data_file(path: str) -> bool:
    """Whether a path leads to a config's file inside a dataset folder: anybody may have written an infogap.json."""
    return _is_inside(path, _DATA, 3) and path.endswith(".parquet")


def is_figure(path: str) -> bool:
    """Whether a path leads to a figure of the card inside a dataset folder."""
    return _is_inside(path, _FIGURES, 2) and path.endswith(".svg")


def _is_inside(path: str, folder: str, depth: int) -> bool:
    parts = path.split("/")
    plain = not {"", ".", ".."} & set(parts) and not set(path) & {"\0", "\\"}
    return len(parts) == depth and parts[0] == folder and plain


def _check_paths(paths: Iterable[str], figures: Iterable[str]) -> None:
    strange = [path for path in paths if not is_data_file(path)] + [path for path in figures if not is_figure(path)]
    if strange:
        raise ValueError(f"it lists {strange[0]!r:.80}, which is no data/CONFIG/FILE.parquet and no figure")


class PublishedDataset:
    """A dataset that infogap made: in a run, or in a published or pulled folder.

    Raises InputError if the folder holds no dataset made by infogap, or an incomplete one.
    """

    def __init__(self, path: Path) -> None:
        """Read the folder's infogap.json; for a run, also one in a bucket, the one in its folder `dataset`."""
        path = local_folder(path)
        self.folder = path / "dataset" if (path / "dataset" / FILE_NAME).is_file() else path
        try:
            self.made: dict[str, Any] = orjson.loads((self.folder / FILE_NAME).read_bytes())
        except (OSError, orjson.JSONDecodeError):
            raise InputError(f"{path} holds no dataset that infogap made (no {FILE_NAME})") from None
        try:
            self.recipe: dict[str, Any] = self.made["recipe"]
            self.version = str(self.recipe["publish"]["version"])
            self.libraries: dict[str, str] = self.made["libraries"]
            self.mixes = list(self.made["mixes"])
            several = len(self.mixes) > 1
            self.mix: dict[str, dict[str, int]] = {
                f"{name}, {axis}" if several else axis: {value["value"]: value["count"] for value in values}
                for name, mix in self.made["mixes"].items()
                for axis, values in mix["axes"].items()
            }
            self.sha256 = {str(path): str(entry["sha256"]) for path, entry in self.made["files"].items()}
            self.figures = {str(path): str(sha256) for path, sha256 in self.made.get("figures", {}).items()}
            _check_paths(self.sha256, self.figures)
            self._rows = {str(path): int(entry["rows"]) for path, entry in self.made["files"].items()}
            self.configs = list(dict.fromkeys(path.split("/")[1] for path in self.sha256))
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise InputError(
                f"{self.folder / FILE_NAME} is not valid ({type(error).__name__}: {error}); "
                "publish or pull the dataset again"
            ) from error
        # Versions of infogap before 0.2 did not write these.
        self.statistics: dict[str, Any] = self.made.get("statistics", {})
        self.effects: list[dict[str, Any]] = self.made.get("effects", [])

    def splits(self, config: str) -> dict[str, list[Path]]:
        """Return the files of each split of a config."""
        files: dict[str, list[Path]] = {}
        for path in self.files(config):
            files.setdefault(path.split("/")[2].split("-")[0], []).append(self.folder / path)
        return files

    def files(self, config: str) -> list[str]:
        """Return the sorted paths of a config's files, as listed in infogap.json."""
        return sorted(path for path in self.sha256 if path.split("/")[1] == config)

    def rows(self, config: str) -> int:
        """Return a config's number of rows, according to infogap.json."""
        return sum(self._rows[path] for path in self.files(config))

    def digests(self, config: str) -> list[str]:
        """Return the SHA-256 of each of a config's files; the same rows in the same order give the same digests."""
        return [self.sha256[path] for path in self.files(config)]

    def columns(self, config: str) -> pl.Schema:
        """Return a config's columns, read from its files."""
        return self._read(config, lambda: pl.scan_parquet(self._there(config)[0]).collect_schema())

    def key(self, config: str) -> pl.Expr:
        """Return the expression for the key of a config's rows: the id of a trace, pair, context or task."""
        key: pl.Expr = plugins.load("configs", self.registered(config)).key
        return key

    def keys(self, config: str) -> pl.Series:
        """Return the keys of a config's rows."""
        key = self.key(config)
        return self._read(config, lambda: pl.scan_parquet(self._there(config)).select(key=key).collect()["key"])

    def digested(self, config: str, columns: list[str], *, key: bool = True) -> pl.DataFrame:
        """Return `key`, `split` and `content` for each row; `content` is a hash of the given columns.

        Without `key`, the content stands for the key too.
        """
        content = pl.struct(columns).hash()
        keys = self.key(config) if key else content
        return self._read(
            config,
            lambda: pl.concat(
                pl.scan_parquet(self._existing(paths)).select(key=keys, content=content, split=pl.lit(split))
                for split, paths in self.splits(config).items()
            ).collect(),
        )

    def registered(self, config: str) -> str:
        """Return the registered name of a config; with several mixes, `NAME` is `sft` and `NAME-rl` is `rl`.

        Raises InputError for a config that this installation does not know.
        """
        known = plugins.names("configs")
        if config in known:
            return config
        if config in self.mixes:
            return "sft"
        kind = next((name for name in known if any(config == f"{mix}-{name}" for mix in self.mixes)), None)
        if kind is None:
            raise InputError(f"{self.folder} has the config '{config}', which this version of infogap does not know")
        return kind

    def _there(self, config: str) -> list[Path]:
        return self._existing([self.folder / path for path in self.files(config)])

    def _existing(self, paths: list[Path]) -> list[Path]:
        for path in paths:
            if not path.is_file():
                raise InputError(f"{path} is missing; publish or pull the dataset again")
        return paths

    def _read(self, config: str, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except InputError:
            raise
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"cannot read the files of {self.folder / _DATA / config}: {reason}") from error
