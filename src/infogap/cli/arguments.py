"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RecipeFile = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, a YAML file.")]


def run_folder(folder: Path | None) -> Path | None:
    """A run's folder as it is named; a bare name is one in runs/, where there is no such folder here."""
    if folder is None or folder.exists() or folder.is_absolute() or len(folder.parts) != 1:
        return folder
    named = Path("runs") / folder
    return named if named.is_dir() else folder


RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", callback=run_folder, help="The run's folder, runs/NAME, or its name alone.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key of the recipe: generate.samples=2; may be repeated."
    ),
]
