"""The command publish: make the dataset, put it where it belongs, or only say what that would change."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infogap.cli.arguments import Push, RunFolder
from infogap.console import output, print_json, print_line, say
from infogap.errors import InputError, ShortfallError

if TYPE_CHECKING:
    from infogap.api.run import Run
    from infogap.publish.dataset_changes import Statistic
    from infogap.publish.hub_push import PushResult
    from infogap.publish.publish_plan import Published, PublishPlan

_MOST_FILES = 20  # of a kind that are listed
_MOST_STATISTICS = 60


def publish(
    folder: RunFolder,
    push: Push = False,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Publish into a folder; other files there stay.")
    ] = None,
    repo: Annotated[str | None, typer.Option(metavar="ORG/NAME", help="Set publish.repo of the run's recipe.")] = None,
    version: Annotated[
        str | None,
        typer.Option(metavar="X.Y.Z|auto", help="Set publish.version; auto: what the changes since the last ask for."),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Set publish.private.")] = False,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="With --push: open a pull request.")] = False,
    branch: Annotated[
        str | None, typer.Option(metavar="B", help="With --push: commit to this branch, without a tag.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would change against the last version; write nothing.")
    ] = False,
) -> None:
    """Write the dataset's folder; publish it as a version on the Hub, or in another folder."""
    from infogap.api.run import Run

    for given, name in ((create_pr, "--create-pr"), (branch is not None, "--branch")):
        if given and not (push or dry_run):
            raise InputError(f"{name} is for --push; write both")
    run = Run.open(folder)
    settings: dict[str, Any] = {"to": to, "repo": repo, "version": version, "private": private, "quiet": output.quiet}
    if dry_run:
        plan = run.plan_publish(**settings)
        print_plan(plan)
        if plan.shortfall is not None:
            raise ShortfallError(f"nothing would be published: {plan.shortfall}")
        return
    try:
        published = run.publish(**settings, push=push, branch=branch, create_pr=create_pr)
    except ShortfallError as error:
        if output.json:
            print_json(_result(run, None, to) | {"shortfall": str(error)})
        raise
    if output.json:
        print_json(_result(run, published, to))
    if to is not None:
        done = "published" if published.written else "already published"
        say(f"{done}: {to} at v{published.version}", style="bold green")
    if published.pushed is not None:
        say(pushed_in_words(published.pushed), style="bold green")


def _result(run: Run, published: Published | None, to: Path | None) -> dict[str, Any]:
    """Return what was published, and where, as JSON-able values."""
    made = run.folder.manifest("dataset")
    pushed = published.pushed if published is not None else None
    return {
        "run": str(run.path),
        "dataset": str(run.path / "dataset"),
        "version": run.folder.recipe.publish.version,
        "configs": {} if made is None else {name: made.counts[name] for name in made.counts if name != "shortfall"},
        "to": None if to is None or published is None else {"folder": str(to), "created": published.written},
        "pushed": None if pushed is None else asdict(pushed),
        "shortfall": None,
    }


def pushed_in_words(pushed: PushResult) -> str:
    """Say where a push went, and what is to be done next."""
    if pushed.pull_request is not None:
        proposed = "proposed" if pushed.created else "already proposed"
        return f"{proposed}: {pushed.pull_request}; once it is merged, `infogap publish RUN --push` tags {pushed.tag}"
    if not pushed.tagged and pushed.branch == "main":
        return f"nothing to propose: {pushed.url} has it on main; `infogap publish RUN --push` tags {pushed.tag}"
    if not pushed.tagged:
        done = "pushed" if pushed.created else "already pushed"
        return f"{done}: {pushed.url} on the branch {pushed.branch}, without a tag"
    return f"{'published' if pushed.created else 'already published'}: {pushed.url} at {pushed.tag}"


def print_plan(plan: PublishPlan) -> None:
    """Print what publishing would change: the version, files, rows, and every statistic before and after."""
    if output.json:
        print_json(plan.as_json())
        return
    if output.quiet:
        return
    changes = plan.changes
    print_line(f"where: {plan.where}")
    print_line(f"last version: {plan.last or 'none'}")
    print_line(f"version: {plan.version}{_verdict(plan)}")
    for level, reasons in changes.reasons.items():
        for reason in reasons:
            print_line(f"  {level}: {reason}")
    for kind, paths in changes.files.items():
        print_line(f"files {kind}: {len(paths):,}")
        for path in paths[:_MOST_FILES]:
            print_line(f"  {path}")
        if len(paths) > _MOST_FILES:
            print_line(f"  and {len(paths) - _MOST_FILES:,} more")
    for config, rows in changes.rows.items():
        moved = f", {rows.moved:,} in another split" if rows.moved else ""
        print_line(
            f"{config}: {rows.before:,} rows -> {rows.after:,}; {rows.added:,} added, {rows.removed:,} removed, "
            f"{rows.changed:,} changed{moved}"
        )
    _print_statistics(changes.statistics)


def _verdict(plan: PublishPlan) -> str:
    if plan.last is None:
        return ""
    if plan.changes.level is None:
        return f" (nothing has changed since {plan.last})"
    enough = "" if plan.is_enough else ", and would be refused"
    return f" (the changes ask for {plan.asked_for}{enough})"


def _print_statistics(statistics: list[Statistic]) -> None:
    from rich.table import Table

    from infogap.console import stdout

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("statistic", overflow="fold")
    for heading in ("before", "after"):
        table.add_column(heading, justify="right")
    for each in _first(statistics):
        style = None if each.before != each.after else "dim"
        table.add_row(each.name, _number(each.before), _number(each.after), style=style)
    stdout().print(table)
    if len(statistics) > _MOST_STATISTICS:
        left = len(statistics) - _MOST_STATISTICS
        print_line(f"and {left:,} more statistics: --json lists all")


def _first(statistics: list[Statistic]) -> list[Statistic]:
    """Return the statistics to print, in their order; of too many, those that differ go before those that do not."""
    by_change = sorted(range(len(statistics)), key=lambda at: statistics[at].before == statistics[at].after)
    return [statistics[at] for at in sorted(by_change[:_MOST_STATISTICS])]


def _number(value: float | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else str(value)
