"""Commands that compare and fetch datasets."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infogap.cli import completions
from infogap.cli.app import DATASETS, command
from infogap.cli.arguments import run_folder
from infogap.console import output, print_json, print_words, say, shortened
from infogap.errors import InputError

if TYPE_CHECKING:
    from infogap.publish.diff import Difference

_DIFFERENT = 1  # as of diff and cmp
_MOST_LINES = 40  # of a kind of difference that are listed


@command(DATASETS)
def diff(
    first: Annotated[
        Path,
        typer.Argument(
            metavar="FIRST", callback=run_folder, autocompletion=completions.runs, help="A run or a dataset folder."
        ),
    ],
    second: Annotated[
        Path,
        typer.Argument(
            metavar="SECOND",
            callback=run_folder,
            autocompletion=completions.runs,
            help="Another run or dataset folder.",
        ),
    ],
) -> None:
    """Compare two runs or datasets: recipe, libraries, mixes, effects, rows. Ends with 1 where they differ."""
    from infogap.publish.diff import difference

    differences = difference(first, second)
    if output.json:
        print_json(asdict(differences) | {"same": differences.same, "in_short": differences.in_short})
    elif not output.quiet:
        _print_differences(differences, first, second)
    if not differences.same:
        raise typer.Exit(_DIFFERENT)


def _print_differences(differences: Difference, first: Path, second: Path) -> None:
    print_words(differences.in_short)
    for heading, lines in (
        ("recipe", differences.recipe),
        ("libraries", differences.libraries),
        ("mix", differences.mix),
        ("effects, with 95 % intervals", differences.effects),
    ):
        print_words(f"{heading}: {'the same' if not lines else ''}")
        for line in shortened(lines, _MOST_LINES, "--json lists all"):
            print_words(f"  {line}")
    for config, counts in differences.configs.items():
        print_words(
            f"{config}: {counts['both']:,} in both, {counts['only_first']:,} only in {first}, "
            f"{counts['only_second']:,} only in {second}"
            + ("; the same ids, different contents" if config in differences.other_contents else "")
            + (f"; {moved:,} in another split" if (moved := differences.other_splits.get(config)) else "")
        )
    for configs, place in ((differences.configs_only_first, first), (differences.configs_only_second, second)):
        for config in configs:
            print_words(f"{config}: only in {place}")


@command(DATASETS)
def pull(
    repo: Annotated[str, typer.Argument(metavar="ORG/NAME[@X.Y.Z]", help="The dataset on the Hub, or its version.")],
    version: Annotated[str | None, typer.Option(metavar="X.Y.Z", help="As @X.Y.Z; by default the newest.")] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="By default NAME.")] = None,
) -> None:
    """Fetch a published dataset as a run, which can be balanced again and published as the next version."""
    from infogap.bucket.addresses import refuse_address
    from infogap.publish.pull import pull as fetch
    from infogap.publish.pull import split_version

    repo, named = split_version(repo)
    if named is not None and version is not None and named != version:
        raise InputError(f"two versions are named, {named} and {version}; name one")
    folder = refuse_address(to, "--to") or Path(repo.rpartition("/")[2])
    recipe = fetch(repo, named or version, folder)
    if output.json:
        print_json({"repo": repo, "version": _version(folder), "folder": str(folder), "recipe": str(recipe)})
    say(f"fetched {repo} into {folder}")
    say(
        f"to make the next version: change {recipe}, then infogap balance {folder}, infogap publish {folder}",
        style="dim",
    )


def _version(folder: Path) -> str:
    from infogap.runs.pulled_run import PulledFrom
    from infogap.runs.run_folder import Run

    pulled = PulledFrom.of(Run.open(folder))
    assert pulled is not None
    return pulled.version
