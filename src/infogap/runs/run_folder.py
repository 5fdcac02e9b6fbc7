"""The run folder: everything that one recipe has produced so far, and how its tables are read and written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import orjson
import polars as pl
from filelock import FileLock, Timeout

from infogap.atomic_files import disk_error, whole_file, write_text
from infogap.bucket.addresses import address_of
from infogap.bucket.stored_run import LOCK, local_folder, written_to_bucket
from infogap.errors import ExternalError, InputError
from infogap.recipe import ORIGIN, LoadedRecipe, Origin, Places, Recipe, dump_recipe, load_recipe, resolved
from infogap.recipe.recipe_errors import Path as KeyPath
from infogap.recipe.recipe_errors import spell_path
from infogap.runs import manifest
from infogap.runs.budget import Budget
from infogap.runs.manifest import Manifest
from infogap.schema import FURTHER_PARTS, Table

ROWS_PER_PART = 2_000
_RECIPE = "recipe.yaml"


@dataclass(frozen=True)
class Run:
    """A run folder with its recipe; the recipe's relative paths start from `base`."""

    path: Path
    recipe: Recipe
    base: Path
    budget: Budget = field(default_factory=Budget)  # what this command may spend
    wait: bool = True  # whether this command waits for batches that are in flight
    places: Places | None = field(default=None, compare=False, repr=False)
    origin: Origin | None = None  # where the recipe came from, if from the Hub or the web
    with_derived: bool = True  # whether derived traces and their verdicts count as rows of `traces` and `verdicts`

    @classmethod
    def create(cls, loaded: LoadedRecipe, path: Path | None = None) -> Run:
        """Create or resume the run of a recipe, by default in `runs/NAME`."""
        path = path or Path("runs") / loaded.recipe.name
        return cls(path, loaded.recipe, loaded.base.resolve(), places=loaded.places, origin=loaded.origin)

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open an existing run, also by its address in a bucket. Raises InputError if the folder is not one."""
        path, named = local_folder(path), path
        if not (path / _RECIPE).is_file():
            where = address_of(path) or named
            if (path / "infogap.json").is_file():
                raise InputError(
                    f"{where} is a dataset, not a run; `infogap diff` and `infogap report` compare datasets"
                )
            raise InputError(f"{where} is not a run folder (it has no {_RECIPE}); `infogap run RECIPE` creates one")
        loaded = load_recipe(path / _RECIPE)
        return cls(path, loaded.recipe, loaded.base, places=loaded.places, origin=origin_of(path))

    def save_recipe(self) -> None:
        """Write the resolved recipe into the folder, defaults filled in.

        Raises InputError if the folder holds anything but a run, as a run replaces whole subfolders.
        """
        if self.path.is_dir() and not (self.path / _RECIPE).is_file():
            # Hidden files are locks or temporary. A lone origin is left by a run killed before its recipe was written.
            names = [path.name for path in self.path.iterdir()]
            others = sorted(name for name in names if not name.startswith(".") and name != ORIGIN)
            if others:
                raise InputError(
                    f"{self.path} is not empty and not a run folder (it has {', '.join(others[:3])}); "
                    "name a new or empty folder with --run"
                )
        write_text(self.path / ORIGIN, orjson.dumps(_written_origin(self.base, self.origin)).decode() + "\n")
        write_text(self.path / _RECIPE, dump_recipe(self.recipe))

    def problem_at(self, path: KeyPath, message: str) -> str:
        """Say what is wrong at a key of the recipe, with the line on which it stands."""
        if self.places is None:
            return f"{spell_path(path)}: {message}"
        return str(self.places.problem(path, message))

    def resolve(self, path: str) -> Path:
        """Resolve a path of the recipe on this machine."""
        return resolved(self.base, path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for writing; if it is a bucket's working copy, the run in the bucket too.

        Raises ExternalError if another process holds it, the disk refuses or the bucket cannot be reached, InputError
        if the path is a file.
        """
        owner = self.path / ".lock.owner"
        lock = FileLock(self.path / LOCK, timeout=0)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
            owner.write_text(str(os.getpid()))
        except Timeout:
            holder = owner.read_text() if owner.is_file() else "unknown"
            raise ExternalError(
                f"{self.path} is being written by another infogap process (pid {holder}); "
                "wait for it, or use another folder with --run"
            ) from None
        except FileExistsError:
            raise InputError(f"{self.path} is a file; name a folder with --run") from None
        except OSError as error:
            raise disk_error(self.path, error) from error
        try:
            with written_to_bucket(self.path):
                yield
        finally:
            owner.unlink(missing_ok=True)
            lock.release()

    def manifest_path(self, folder: str) -> Path:
        """Return the path of a folder's manifest: beside `dataset`, which holds only what is published."""
        if folder == "dataset":
            return self.path / "dataset.manifest.json"
        return self.path / folder / manifest.FILE_NAME

    def manifest(self, folder: str) -> Manifest | None:
        return manifest.read(self.manifest_path(folder))

    def part_paths(self, table: Table) -> list[Path]:
        """Return the files of a table, in order; those of derived traces come last."""
        own = sorted((self.path / table.name).glob("part-*.parquet"))
        if table.name in FURTHER_PARTS and self.with_derived and self.recipe.derive:
            own += sorted((self.path / FURTHER_PARTS[table.name]).glob("part-*.parquet"))
        return own

    def scan(self, table: Table) -> pl.LazyFrame:
        """Scan a table lazily. Polars guarantees no row order: sort by the key if order matters."""
        paths = self.part_paths(table)
        if not paths:
            return table.empty().lazy()
        for path in paths:
            check_part(path)
        return pl.scan_parquet(paths, schema=table.schema, extra_columns=_extra_columns(table))

    def stored(self, table: Table) -> Table:
        """Return an extensible table with all the columns of its parts: its own, and those of the recipe's measures."""
        first = self.part_paths(table)[:1]
        columns = {} if not first else {**pl.read_parquet_schema(first[0])}
        return table.extended({name: dtype for name, dtype in columns.items() if name not in table.schema})

    def parts(self, table: Table) -> Iterator[pl.DataFrame]:
        """Yield a table part by part, in the order it was written, in bounded memory."""
        for path in self.part_paths(table):
            yield read_part(path, table)

    def rows(self, table: Table) -> int:
        return int(self.scan(table).select(pl.len()).collect().item())

    @contextmanager
    def rewrite(self, table: Table) -> Iterator[TableWriter]:
        """Rewrite a table. The old manifest is removed first, so an interrupted rewrite counts as missing."""
        folder = self.path / table.name
        (folder / manifest.FILE_NAME).unlink(missing_ok=True)
        for old in folder.glob("*.parquet"):
            old.unlink()
        writer = TableWriter(folder, table)
        yield writer
        writer.finish()


def origin_of(path: Path) -> Origin | None:
    """Return where the recipe of a run came from; None if from this machine, or if there is no run."""
    try:
        return Origin(**orjson.loads((path / ORIGIN).read_bytes())["origin"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _written_origin(base: Path, origin: Origin | None) -> dict[str, object]:
    return {"base": str(base)} | ({} if origin is None else {"origin": asdict(origin)})


class TableWriter:
    """Writes rows as Parquet parts of `ROWS_PER_PART` rows, in the order in which they are added."""

    def __init__(self, folder: Path, table: Table) -> None:
        self.table = table
        self.rows = 0
        self._folder = folder
        self._held: list[pl.DataFrame] = []
        self._parts = 0

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows; the frame's columns must be the table's."""
        self.rows += frame.height
        self._held.append(frame.match_to_schema(self.table.schema))
        held = sum(frame.height for frame in self._held)
        if held >= ROWS_PER_PART:
            whole = pl.concat(self._held)
            full = held - held % ROWS_PER_PART
            for start in range(0, full, ROWS_PER_PART):
                self._write_part(whole[start : start + ROWS_PER_PART])
            self._held = [whole[full:]]

    @property
    def at_part(self) -> bool:
        """True if the next row begins a part."""
        return not any(frame.height for frame in self._held)

    def take(self, path: Path) -> None:
        """Add a whole part that was written before, by moving its file; the next row must begin a part."""
        if not self.at_part:
            raise ValueError(f"{path} cannot be a part of its own: rows before it are not written yet")
        path.rename(self._folder / f"part-{self._parts:05d}.parquet")
        self._parts += 1
        self.rows += ROWS_PER_PART

    def finish(self) -> None:
        rest = pl.concat(self._held) if self._held else self.table.empty()
        if rest.height or not self._parts:
            self._write_part(rest)
        self._held = []

    def _write_part(self, frame: pl.DataFrame) -> None:
        write_part(self._folder / f"part-{self._parts:05d}.parquet", frame)
        self._parts += 1


def write_part(path: Path, frame: pl.DataFrame) -> None:
    """Write one Parquet part, whole or not at all."""
    with whole_file(path) as temporary:
        frame.write_parquet(temporary, compression="zstd")


def read_part(path: Path, table: Table) -> pl.DataFrame:
    """Read one Parquet part. Raises ExternalError if the file is damaged or has other columns."""
    try:
        return pl.read_parquet(path).match_to_schema(table.schema, extra_columns=_extra_columns(table))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from error


def read_columns(path: Path, columns: list[str]) -> pl.DataFrame:
    """Read some columns of a Parquet part. Raises ExternalError if the file is damaged or lacks one."""
    try:
        return pl.read_parquet(path, columns=columns)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from error


def _extra_columns(table: Table) -> Literal["ignore", "raise"]:
    return "ignore" if table.extensible else "raise"


def check_part(path: Path) -> None:
    """Raise ExternalError if a part is damaged, by its footer: the rows are not read."""
    try:
        pl.read_parquet_schema(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ExternalError:
    # Removing this one file is enough: its stage is then stale, and writes it again or sends its requests again.
    return ExternalError(f"{path} is damaged ({str(error).splitlines()[0]}); remove this file and run again")
