"""What the shell completes: runs, recipes, and the names of privileges, formats, bands and verdicts.

Each function gets the beginning of a word and returns the words that begin so. None reads a table or loads a recipe, so
that the shell does not wait.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from infogap import plugins

_RECIPE, _RUNS = "recipe.yaml", Path("runs")
_SUFFIXES = (".yaml", ".yml")


def runs(incomplete: str) -> list[str]:
    """Complete the names of runs in runs/, and the folders of runs anywhere."""
    named = [path.name for path in _entries(_RUNS) if path.is_dir() and (path / _RECIPE).is_file()]
    return [name for name in named if name.startswith(incomplete)] + [
        entry for entry, path in _paths(incomplete) if path.is_dir()
    ]


def recipes(incomplete: str) -> list[str]:
    """Complete YAML files, and the folders on the way to them."""
    return [entry for entry, path in _paths(incomplete) if path.is_dir() or path.suffix in _SUFFIXES]


def privileges(incomplete: str) -> list[str]:
    """Complete the registered privileges."""
    return [name for name in plugins.names("privileges") if name.startswith(incomplete)]


def export_formats(incomplete: str) -> list[str]:
    """Complete the registered formats of `infogap export`."""
    return [name for name in plugins.names("exports") if name.startswith(incomplete)]


def bands(incomplete: str) -> list[str]:
    """Complete the confidence bands."""
    return _of(("uncertain", "mixed", "confident"), incomplete)


def verdicts(incomplete: str) -> list[str]:
    """Complete the verdicts."""
    return _of(("correct", "wrong", "no_answer", "truncated", "ungradable"), incomplete)


def thinking_forms(incomplete: str) -> list[str]:
    """Complete the forms of thoughts in exported messages."""
    return _of(("inline", "field", "drop"), incomplete)


def _of(words: tuple[str, ...], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _paths(incomplete: str) -> Iterator[tuple[str, Path]]:
    """Yield what is in the folder of a path that is being typed, spelled as it begins; folders end in a slash."""
    head, _, beginning = incomplete.rpartition("/")
    for path in _entries(Path(f"{head}/") if "/" in incomplete else Path()):
        hidden = path.name.startswith(".") and not beginning.startswith(".")
        if path.name.startswith(beginning) and not hidden:
            spelled = f"{head}/{path.name}" if "/" in incomplete else path.name
            yield (f"{spelled}{os.sep}" if path.is_dir() else spelled), path


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.expanduser().iterdir())
    except (OSError, RuntimeError, ValueError):  # not there, not readable, no such user
        return []
