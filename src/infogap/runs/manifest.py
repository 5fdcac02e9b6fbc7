"""Manifests: records of what produced a stage's files, which show if the stage is up to date."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from infogap.atomic_files import write_text
from infogap.ids import digest, file_digest

FILE_NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """One stage's record, without a time of day: equal work gives equal manifests."""

    stage: str
    version: int
    fingerprint: str  # of the stage's part of the recipe, its version and its inputs' fingerprints
    part: dict[str, Any]  # the stage's part of the recipe, to say what changed
    inputs: dict[str, str]  # input folder -> the digest it had
    rows: int
    counts: dict[str, Any]  # what was kept, skipped, merged, and why
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # path in the run -> sha256, bytes

    @property
    def content(self) -> str:
        """A digest of the files' bytes, by which later stages recognize their input."""
        return digest({path: entry["sha256"] for path, entry in self.files.items()})


def write(path: Path, manifest: Manifest) -> None:
    """Write a manifest (JSON, indented: people read it)."""
    text = orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    write_text(path, text + "\n")


def read(path: Path) -> Manifest | None:
    """Read the manifest at `path`; None if there is none, or it is not valid."""
    try:
        return Manifest(**orjson.loads(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (orjson.JSONDecodeError, TypeError):
        return None  # damaged, or of another version: the stage counts as missing and runs again


def describe_files(root: Path, paths: list[Path]) -> dict[str, dict[str, Any]]:
    """Return digest and size of each file, keyed by its path inside `root`."""
    return {
        str(path.relative_to(root)): {"sha256": file_digest(path), "bytes": path.stat().st_size}
        for path in sorted(paths)
    }


def changes(old: Any, new: Any, path: str = "") -> list[str]:
    """List the differences between two JSON-able values, as lines such as `size: 100 -> 200`."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [
            line
            for key in sorted(old.keys() | new.keys())
            for line in changes(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
        ]
    if old == new:
        return []
    if isinstance(old, list) and isinstance(new, list):
        return _changed_items(old, new, path)
    return [f"{path}: {_short(old)} -> {_short(new)}"]


def _changed_items(old: list[Any], new: list[Any], path: str) -> list[str]:
    """Compare lists of one length item by item; otherwise list removed and added items."""
    if len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for index, (one, other) in pairs for line in changes(one, other, f"{path}[{index}]")]
    removed = [f"{path}: without {_short(item)}" for item in old if item not in new]
    added = [f"{path}: with {_short(item)}" for item in new if item not in old]
    return removed + added or [f"{path}: {len(old)} items -> {len(new)} items"]


def _short(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."
