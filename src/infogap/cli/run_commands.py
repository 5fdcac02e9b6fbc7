"""Commands that take a recipe through all stages: run and quickstart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import infogap
from infogap.atomic_files import write_text
from infogap.cli.app import RUNS, command
from infogap.cli.arguments import MaxRequests, MaxTokens, Overrides, Push, RetryFailed
from infogap.cli.recipe_argument import RecipeName, Trust, Yes, agree_to_run, recipe_named
from infogap.console import output, print_json, say
from infogap.errors import InputError, ShortfallError

if TYPE_CHECKING:
    from infogap.api.run import Run

QUICKSTART = "quickstart.yaml"
_TASKS = ("data/word_problems.jsonl", "data/sums_and_legs.jsonl")


@command(RUNS)
def run(
    recipe: RecipeName,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="The run's folder; by default runs/NAME.")
    ] = None,
    set_: Overrides = None,
    retry_failed: RetryFailed = False,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
    push: Push = False,
    yes: Yes = False,
    trust: Trust = False,
) -> None:
    """Build the dataset that a recipe describes; stages that are up to date are left alone."""
    from infogap.api.run import Run

    named = recipe_named(recipe, trust=trust)
    agree_to_run(named, set_, run, yes=yes)
    created = Run.create(named, run, overrides=set_)
    _update(created, retry_failed=retry_failed, max_requests=max_requests, max_tokens=max_tokens, push=push)


@command(RUNS)
def quickstart(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write the recipe and its tasks.")] = Path(
        "quickstart"
    ),
) -> None:
    """Build a first dataset with a small model on this machine: write a recipe and its tasks, then run it."""
    from infogap.api.run import Run

    _update(Run.create(write_quickstart(folder)))


def write_quickstart(folder: Path) -> Path:
    """Write the quickstart's recipe and tasks to a folder, and return the recipe's path. Existing files are kept.

    Raises InputError if the package holds no recipe, or the folder is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the recipe and its tasks")
    source = _source()
    written = []
    for name in (QUICKSTART, *_TASKS):
        if not (folder / name).exists():
            write_text(folder / name, (source / name).read_text(encoding="utf-8"))
            written.append(name)
    recipe = folder / QUICKSTART
    if written:
        say(f"wrote {recipe} and its tasks; change what you like and run it again: infogap run {recipe}")
    return recipe


def _source() -> Path:
    """Return the folder with the quickstart's files: in the installed package, or in a source checkout."""
    package = Path(infogap.__file__).parent
    for place in (package / "quickstart", package.parents[1] / "recipes"):
        if (place / QUICKSTART).is_file():
            return place
    raise InputError(f"{QUICKSTART} is missing from {package / 'quickstart'}; install infogap again")


def push_dataset(run: Run) -> None:
    """Push a run's dataset to the Hub, and print where it is."""
    from infogap.cli.publish_command import pushed_in_words

    say(pushed_in_words(run.push(quiet=output.quiet)), style="bold green")


def _update(
    run: Run,
    *,
    retry_failed: bool = False,
    max_requests: int | None = None,
    max_tokens: int | None = None,
    push: bool = False,
) -> None:
    """Bring the run up to date, print its tables and push; raise a shortfall only after that."""
    shortfall: ShortfallError | None = None
    try:
        run.update(quiet=output.quiet, retry_failed=retry_failed, max_requests=max_requests, max_tokens=max_tokens)
    except ShortfallError as error:
        shortfall = error
    _print_summary(run)
    if push:
        try:
            push_dataset(run)
        except ShortfallError as error:
            shortfall = error if shortfall is None else ShortfallError(f"{shortfall}\n{error}")
    if shortfall is not None:
        raise shortfall


def _print_summary(run: Run) -> None:
    from infogap.report.run_summary import print_summary, summary

    if output.json:
        print_json(summary(run.folder))
    elif not output.quiet:
        print_summary(run.folder)
