"""Write the quickstart's recipe and tasks, which the installed package carries, for users without a clone."""

from __future__ import annotations

from pathlib import Path

import infogap
from infogap.atomic_files import write_text
from infogap.console import say
from infogap.errors import InputError

RECIPE = "quickstart.yaml"
_TASKS = ("data/word_problems.jsonl", "data/sums_and_legs.jsonl")


def write_quickstart(folder: Path) -> Path:
    """Write the recipe and its tasks to a folder, and return the recipe's path. Existing files are kept.

    Raises InputError if the package holds no recipe, or the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the recipe and its tasks")
    source = _source()
    written = []
    for name in (RECIPE, *_TASKS):
        if not (folder / name).exists():
            write_text(folder / name, (source / name).read_text(encoding="utf-8"))
            written.append(name)
    recipe = folder / RECIPE
    if written:
        say(f"wrote {recipe} and its tasks; change what you like and run it again: infogap run {recipe}")
    return recipe


def _source() -> Path:
    """`quickstart` in the installed package, or `recipes` beside `src` in a source checkout."""
    package = Path(infogap.__file__).parent
    for place in (package / "quickstart", package.parents[1] / "recipes"):
        if (place / RECIPE).is_file():
            return place
    raise InputError(f"{RECIPE} is missing from {package / 'quickstart'}; install infogap again")
