"""Manifests: records of what produced a stage's files, which show if the stage is up to date."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from infogap.atomic_files import write_text
from infogap.ids import digest, file_digest

FILE_NAME = "manifest.json"
_DIGEST = "digest"  # of a manifest's other keys: one that was damaged or edited is not believed
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
    record = asdict(manifest)
    text = orjson.dumps(record | {_DIGEST: digest(record)}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    write_text(path, text + "\n")


def read(path: Path) -> Manifest | None:
    """Read the manifest at `path`; None if there is none, or it is not as infogap wrote it.

    None means that the stage counts as missing and runs again.
    """
    try:
        record = orjson.loads(path.read_bytes())
        if not isinstance(record, dict) or record.pop(_DIGEST, None) not in (None, digest(record)):
            return None  # manifests of earlier versions have no digest
        made = Manifest(**record)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, TypeError):
        return None  # damaged, or of another version
    return made if _is_sound(made) else None


def _is_sound(made: Manifest) -> bool:
    """Whether every entry has its type."""
    texts = (made.stage, made.fingerprint, *made.inputs.values()) if isinstance(made.inputs, dict) else (None,)
    numbers = (made.version, made.rows)
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
        and all(isinstance(mapping, dict) for mapping in (made.part, made.counts, made.files))
        and all(_is_file_entry(entry) for entry in made.files.values())
    )


def _is_file_entry(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("sha256"), str) and isinstance(entry.get("bytes"), int)


def describe_files(root: Path, paths: list[Path]) -> dict[str, dict[str, Any]]:
    """Return digest and size of each file, keyed by its path inside `root`."""
    return {
        str(path.relative_to(root)): {"sha256": file_digest(path), "bytes": path.stat().st_size}
        for path in sorted(paths)
    }


def with_known_digests(part: Any, made: Any) -> Any:
    """Return a stage's part with the digests that cannot be computed now as they were when the stage ran.

    A source that is not on this machine any more has None for its digest: what was read from it is in the run.
    """
    if isinstance(part, dict) and isinstance(made, dict):
        return {key: with_known_digests(value, made.get(key)) for key, value in part.items()}
    if isinstance(part, list) and isinstance(made, list) and len(part) == len(made):
        return [with_known_digests(value, former) for value, former in zip(part, made, strict=True)]
    is_digest = isinstance(made, str) and _SHA256.fullmatch(made) is not None
    if is_digest and _is_digests(part):  # earlier versions recorded one digest for all files of a list
        return made if None in part or digest(part) == made else part
    return made if part is None and is_digest else part


def one_digest(part: Any) -> Any:
    """Return a stage's part with one digest in place of those of several files, as fingerprints have it."""
    if isinstance(part, dict):
        return {
            key: digest(value) if key.endswith("sha256") and _is_digests(value) else one_digest(value)
            for key, value in part.items()
        }
    return [one_digest(each) for each in part] if isinstance(part, list) else part


def _is_digests(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(each is None or (isinstance(each, str) and _SHA256.fullmatch(each) is not None) for each in value)


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
    if all(isinstance(each, str) and _SHA256.fullmatch(each) for each in (old, new)):
        return [f"{path} has changed"]  # two digests say no more
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
