"""Runs that were pulled: their tables are as published, and only the mix and the dataset are made anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from infogap.atomic_files import write_text
from infogap.errors import InputError
from infogap.recipe import Recipe, as_written
from infogap.runs.manifest import changes
from infogap.runs.run_folder import Run

FILE_NAME = "pulled.json"
FIXED_STAGES = ("tasks", "generate", "import", "verify", "derive", "gap", "measure", "dedupe", "decontaminate")
_FREE_KEYS = ("name", "seed", "balance", "publish")  # of the recipe: what can change
_FREE_KEYS_OF_SOURCES = ("license", "url")


@dataclass(frozen=True)
class PulledFrom:
    """Where a run was pulled from, and its recipe then, apart from what can change."""

    repo: str
    version: str  # a tag, or the branch main
    recipe: dict[str, Any]

    @classmethod
    def of(cls, run: Run) -> PulledFrom | None:
        """Read it from a run; None where the run was not pulled."""
        try:
            read = orjson.loads((run.path / FILE_NAME).read_bytes())
            return cls(read["repo"], read["version"], read["recipe"])
        except FileNotFoundError:
            return None
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
            raise InputError(f"{run.path / FILE_NAME} is damaged; pull the dataset again") from None

    def write(self, run: Run) -> None:
        """Note it in a run."""
        made = {"repo": self.repo, "version": self.version, "recipe": self.recipe}
        write_text(run.path / FILE_NAME, orjson.dumps(made, option=orjson.OPT_INDENT_2).decode() + "\n")

    def changed(self, recipe: Recipe) -> list[str]:
        """List what a recipe changes of what is fixed."""
        return changes(self.recipe, fixed_part(recipe))

    def refusal(self, changed: list[str]) -> InputError:
        """Return the error for a recipe that changes what is fixed, or a table that is gone."""
        return InputError(
            f"this run was pulled from {self.repo} at {self.version}: only `balance`, `publish` and `seed` can change "
            f"({changed[0]}); undo that, or pull again"
        )


def fixed_part(recipe: Recipe) -> dict[str, Any]:
    """Return what of a recipe the published tables depend on."""
    whole = as_written(recipe)
    for section in ("tasks", "import"):
        for source in whole.get(section) or []:
            for key in _FREE_KEYS_OF_SOURCES:
                source.pop(key, None)
    return {key: value for key, value in whole.items() if key not in _FREE_KEYS}
