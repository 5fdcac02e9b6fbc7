"""Commands that compare and fetch datasets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from infogap.cli.app import DATASETS, command, print_json
from infogap.cli.arguments import run_folder
from infogap.console import output, say


@command(DATASETS)
def diff(
    first: Annotated[Path, typer.Argument(metavar="FIRST", callback=run_folder, help="A run, or a dataset folder.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", callback=run_folder, help="Another one.")],
) -> None:
    """Compare two runs or datasets: recipe, libraries, mix, traces."""
    from infogap.publish.diff import difference

    differences = difference(first, second)
    if output.json:
        print_json(asdict(differences) | {"same": differences.same})
        return
    for heading, lines in (
        ("recipe", differences.recipe),
        ("libraries", differences.libraries),
        ("mix", differences.mix),
    ):
        typer.echo(f"{heading}: {'the same' if not lines else ''}")
        for line in lines:
            typer.echo(f"  {line}")
    for config, counts in differences.configs.items():
        typer.echo(
            f"{config}: {counts['both']:,} in both, {counts['only_first']:,} only in {first}, "
            f"{counts['only_second']:,} only in {second}"
            + ("; the same ids, other contents" if config in differences.other_contents else "")
        )


@command(DATASETS)
def pull(
    repo: Annotated[str, typer.Argument(metavar="ORG/NAME", help="The dataset on the Hub.")],
    version: Annotated[str | None, typer.Option(metavar="X.Y.Z", help="By default the newest.")] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="By default NAME.")] = None,
) -> None:
    """Fetch a published dataset, with the recipe that made it."""
    from infogap.publish.pull import pull as fetch

    folder = to or Path(repo.rpartition("/")[2])
    recipe = fetch(repo, version, folder)
    say(f"fetched {repo} into {folder}; its recipe is {recipe}")
