"""Commands that take a recipe through all stages: run and quickstart."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import infogap
from infogap.atomic_files import write_text
from infogap.cli.app import RUNS, command
from infogap.cli.arguments import MaxRequests, MaxTokens, NoWait, Overrides, Push, Ray, RetryFailed
from infogap.cli.recipe_argument import RecipeName, Trust, Yes, agree_to_run, recipe_named
from infogap.console import output, print_json, say
from infogap.errors import InputError, ShortfallError, StoppedError

if TYPE_CHECKING:
    from infogap.api.run import Run
    from infogap.publish.hub_push import PushResult

QUICKSTART = "quickstart.yaml"
_TASKS = ("data/word_problems.jsonl", "data/sums_and_legs.jsonl")


@command(RUNS)
def run(
    recipe: RecipeName,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run", metavar="DIR", help="The run's folder, by default runs/NAME; or a bucket's s3://BUCKET/PREFIX."
        ),
    ] = None,
    set_: Overrides = None,
    retry_failed: RetryFailed = False,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
    ray: Ray = None,
    no_wait: NoWait = False,
    push: Push = False,
    yes: Yes = False,
    trust: Trust = False,
) -> None:
    """Build the dataset that a recipe describes; stages that are up to date are left alone."""
    from infogap.api.run import Run
    from infogap.bucket.stored_run import local_folder

    named = recipe_named(recipe, trust=trust)
    folder = None if run is None else local_folder(run)
    agree_to_run(named, set_, folder, yes=yes)
    created = Run.create(named, folder, overrides=set_)
    limits = {"max_requests": max_requests, "max_tokens": max_tokens}
    _update(created, push=push, retry_failed=retry_failed, wait=not no_wait, ray=ray, **limits)


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


def push_dataset(run: Run) -> PushResult:
    """Push a run's dataset to the Hub, and print where it is."""
    from infogap.cli.publish_command import pushed_in_words

    pushed = run.push(quiet=output.quiet)
    say(pushed_in_words(pushed), style="bold green")
    return pushed


def _update(
    run: Run,
    *,
    push: bool = False,
    **options: Any,
) -> None:
    """Bring the run up to date, print its tables and push; raise a shortfall only after that."""
    shortfalls: list[str] = []
    try:
        run.update(quiet=output.quiet, **options)
    except ShortfallError as error:
        shortfalls.append(str(error))
    except StoppedError as error:
        if output.json:
            print_json({"run": str(run.path), "stopped": str(error), "stages": _stages(run)})
        raise
    if not output.json and not output.quiet:
        from infogap.report.run_summary import print_summary

        print_summary(run.folder)
    pushed: PushResult | None = None
    try:
        pushed = push_dataset(run) if push else None
    except ShortfallError as error:
        shortfalls.append(str(error))
    finally:
        if output.json:
            _print_result(run, pushed, shortfalls)
    if shortfalls:
        raise ShortfallError("\n".join(shortfalls))


def _print_result(run: Run, pushed: PushResult | None, shortfalls: list[str]) -> None:
    from infogap.report.run_summary import summary

    what = {"pushed": None if pushed is None else asdict(pushed), "shortfall": "\n".join(shortfalls) or None}
    print_json(summary(run.folder) | what | {"stages": _stages(run)})


def _stages(run: Run) -> list[dict[str, Any]]:
    return [asdict(state) for state in run.status()]
