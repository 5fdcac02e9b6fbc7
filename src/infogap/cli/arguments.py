"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infogap.cli import completions

_RECIPE = "recipe.yaml"  # what makes a folder a run
_MADE = (_RECIPE, "infogap.json")  # of a run or of a dataset


def run_folder(folder: Path | None) -> Path | None:
    """Resolve a run's name: a bare name means runs/NAME, unless a run, a dataset or a file of that name is here."""
    try:
        if folder is None or folder.is_absolute() or len(folder.parts) != 1:
            return folder
        named = Path("runs") / folder
        if folder.is_dir():  # `infogap quickstart` puts its recipe into a folder that has the run's name
            holds = any((folder / name).is_file() for name in _MADE) or not (named / _RECIPE).is_file()
            return folder if holds else named
        return folder if folder.exists() or not named.is_dir() else named
    except OSError:  # a name that is too long: the command says so
        return folder


RunFolder = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        callback=run_folder,
        autocompletion=completions.runs,
        help="The run's folder, the name of one in runs/, or s3://BUCKET/PREFIX.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the recipe: generate.samples=2. Repeatable."),
]
Push = Annotated[bool, typer.Option("--push", help="Push the dataset to the recipe's Hub repository.")]
MaxRequests = Annotated[
    int | None,
    typer.Option("--max-requests", metavar="N", min=1, help="Stop cleanly after N requests; rerun to continue."),
]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", metavar="N", min=1, help="Stop cleanly at N tokens, prompts and responses together."),
]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Compute tables on a Ray cluster: auto, host:port, ray://host:port, or local for this machine alone.",
    ),
]
NoWait = Annotated[
    bool,
    typer.Option(
        "--no-wait", help="With `mode: batch`: submit and collect, but do not wait for batches; rerun to continue."
    ),
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Send failed requests again.")]
