"""Locate rows: the local files and URLs that a source's `from` names."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path
from typing import IO

from infogap.errors import InputError, nearest
from infogap.recipe import resolved
from infogap.recipe.sources import RowSource
from infogap.rows.remote_files import COMPRESSED, suffixes

SUFFIXES = (".jsonl", ".json", ".csv", ".parquet", ".eval")

_DATASET_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
# Names of files and folders that `datasets` takes for the splits of a folder.
_SPLIT = re.compile(r"(?<![a-z])(train|training|test|testing|eval|evaluation|validation|valid|val|dev)(?![a-z])")
_OF_DATASETS = ("README.md", "dataset_info.json", "dataset_dict.json", "state.json")
_HIDDEN = re.compile(r"\.(?!\.?$)")
_NO_DATA = re.compile(r"(readme|license|licence|changelog|citation)\b.*|.*\.(md|txt|py|ya?ml|log)", re.IGNORECASE)
_SHOWN = 3


@dataclass(frozen=True)
class Place:
    """A file: its location, and its name in messages."""

    name: str
    path: Path | None  # None behind a URL
    url: str = ""

    @property
    def kind(self) -> str:
        """The suffix that determines how it is read: `.jsonl` of `rows.jsonl.gz`."""
        return suffixes(self._file_name)[0]

    @property
    def compression(self) -> str:
        return suffixes(self._file_name)[1]

    @property
    def _file_name(self) -> str:
        return re.split(r"[?#]", self.url)[0] if self.path is None else self.path.name

    def errors(self) -> AbstractContextManager[None]:
        """Turn failures behind a URL into an InputError or ExternalError of one line, within a `with`."""
        if self.path is not None:
            return nullcontext()
        from infogap.rows.remote_files import errors_at

        return errors_at(self.url)

    def open(self) -> IO[bytes]:
        """Open its bytes, still compressed."""
        if self.path is not None:
            return self.path.open("rb")
        from infogap.rows.remote_files import open_url

        return open_url(self.url)


def is_url(text: str) -> bool:
    return _URL.match(text) is not None


def find_places(base: Path, source: RowSource) -> list[Place] | None:
    """Return the files that a source names, sorted within a pattern or folder; None if `datasets` has to read it.

    Raises InputError for files that do not exist or have an unknown type, ExternalError where a URL cannot be reached.
    """
    if len(source.files) == 1:
        return _named(base, source, source.files[0])
    places = []
    for entry in source.files:
        named = _named(base, source, entry)
        if named is None:
            raise InputError(f"{entry}: a list names files; give a dataset a source of its own")
        places += named
    twice = [place.name for index, place in enumerate(places) if place in places[:index]]
    if twice:
        raise InputError(f"{source.from_}: it names {twice[0]} twice")
    return places


def local_folder(base: Path, source: RowSource) -> Path | None:
    """Return the local folder that `datasets` has to read; None for a dataset of the Hub."""
    path = resolved(base, source.files[0])
    return path if path.is_dir() else None


def _named(base: Path, source: RowSource, entry: str) -> list[Place] | None:
    if is_url(entry):
        from infogap.rows.remote_files import urls

        return [_known(Place(url, None, url)) for url in urls(entry)]
    path = resolved(base, entry)
    if path.is_file():
        return [_known(Place(entry, path))]
    if path.is_dir():
        return None if _is_dataset(path, source) else _of_folder(entry, path)
    if has_magic(entry):
        return _of_pattern(base, entry)
    if path.exists():  # it would have no end, or could be read only once
        raise InputError(f"{path} is not a regular file, but a pipe or a device: write its rows to a file")
    if path.suffix.lower() in (*SUFFIXES, *COMPRESSED) or not _DATASET_NAME.fullmatch(entry):
        raise InputError(f"there is no file {path}{_nearest_file(path)}")
    return None


def _known(place: Place) -> Place:
    if place.kind not in SUFFIXES:
        suffix = f"{place.kind}{place.compression}"
        known = ", ".join(SUFFIXES)
        raise InputError(
            f"{place.name}: unknown file type '{suffix}'{nearest(suffix, SUFFIXES)}; "
            f"known: {known}, each also with {', '.join(COMPRESSED)}"
        )
    return place


def matching(base: Path, pattern: str) -> list[Path]:
    """Return the files that match a pattern, sorted by name."""
    root = Path(pattern).expanduser()
    folder = Path(root.anchor) if root.is_absolute() else base
    paths = folder.glob(str(root.relative_to(root.anchor)))
    hidden_too = any(_HIDDEN.match(part) for part in root.parts)  # unless named, they are the system's
    return sorted(
        path
        for path in paths
        if path.is_file() and (hidden_too or not any(map(_HIDDEN.match, path.relative_to(folder).parts)))
    )


def _of_pattern(base: Path, entry: str) -> list[Place]:
    paths = matching(base, entry)
    if not paths:
        raise InputError(f"no file matches {resolved(base, entry)}")
    return _once_each(entry, [_known(Place(short_path(path, base), path)) for path in paths])


def _once_each(entry: str, places: list[Place]) -> list[Place]:
    """The places. Raises InputError where a file lies beside its compressed copy: its rows would be read twice."""
    plain = {place.name for place in places}
    for place in places:
        if place.compression and (copy := place.name.removesuffix(place.compression)) in plain:
            raise InputError(f"{entry}: {copy} and {place.name} may be one file twice; name those to read")
    return places


def short_path(path: Path, base: Path) -> str:
    """Return a path relative to `base`, where it is below that."""
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)


def _is_dataset(folder: Path, source: RowSource) -> bool:
    """Whether a folder has splits or configurations, so that `datasets` has to read it."""
    if any(getattr(source, key) != type(source).model_fields[key].default for key in ("config", "split", "revision")):
        return True
    if any((folder / name).is_file() for name in _OF_DATASETS):
        return True
    return any(_SPLIT.search(str(path.relative_to(folder)).lower()) for path in _files_in(folder))


def _files_in(folder: Path) -> list[Path]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def _of_folder(entry: str, folder: Path) -> list[Place]:
    """Every file of rows in a folder. Raises InputError for a file of another type that may hold rows."""
    name = entry.rstrip("/")
    places = [Place(f"{name}/{path.relative_to(folder)}", path) for path in _files_in(folder)]
    unknown = [place for place in places if place.kind not in SUFFIXES]
    strange = [place.name for place in unknown if not _NO_DATA.fullmatch(Path(place.name).name)]
    if strange:
        more = f" and {len(strange) - _SHOWN:,} more" if len(strange) > _SHOWN else ""
        raise InputError(
            f"{entry}: files of other kinds lie between its rows: {', '.join(strange[:_SHOWN])}{more}; "
            f"name those to read by a pattern, such as {name}/*.jsonl"
        )
    known = [place for place in places if place.kind in SUFFIXES]
    if not known:
        raise InputError(f"{entry}: the folder holds no {', '.join(SUFFIXES)}")
    return _once_each(entry, known)


def _nearest_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f": there is no folder {folder}"
    return nearest(path.name, sorted(entry.name for entry in folder.iterdir()))
