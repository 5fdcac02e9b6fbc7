"""Commands that make things: the whole run, and one per stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infogap.cli import dedupe_command as deduping
from infogap.cli.app import RUNS, STAGES, command
from infogap.cli.arguments import Overrides, RecipeFile, RunFolder
from infogap.console import say

if TYPE_CHECKING:
    from infogap.runs.budget import Budget
    from infogap.runs.run_folder import Run

Push = Annotated[bool, typer.Option("--push", help="Push the dataset to the recipe's Hub repository.")]
MaxRequests = Annotated[
    int | None, typer.Option("--max-requests", metavar="N", min=1, help="Ask the teacher at most N times, then stop.")
]
MaxTokens = Annotated[
    int | None,
    typer.Option("--max-tokens", metavar="N", min=1, help="Stop asking at N tokens of prompts and answers together."),
]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Ask failed requests again.")]


@command(RUNS)
def run(
    recipe: RecipeFile,
    run: Annotated[
        Path | None, typer.Option("--run", metavar="DIR", help="The run's folder; by default runs/NAME.")
    ] = None,
    set_: Overrides = None,
    retry_failed: RetryFailed = False,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
    push: Push = False,
) -> None:
    """Make everything that a recipe asks for; what is up to date is left alone."""
    from infogap.runs.budget import Budget

    _make_all(recipe, run, set_, Budget(max_requests, max_tokens), retry_failed=retry_failed, push=push)


@command(RUNS)
def quickstart(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write the recipe and its tasks.")] = Path(
        "quickstart"
    ),
) -> None:
    """Make a first dataset with a small model, on this machine alone: write a recipe and its tasks, then run it."""
    from infogap.cli.quickstart_recipe import write_quickstart
    from infogap.runs.budget import Budget

    _make_all(write_quickstart(folder), None, None, Budget(None, None))


def _make_all(
    recipe: Path,
    folder: Path | None,
    overrides: list[str] | None,
    budget: Budget,
    *,
    retry_failed: bool = False,
    push: bool = False,
) -> None:
    from infogap.cli.check_recipe import checked
    from infogap.runs.pipeline import run_all
    from infogap.runs.run_folder import Run

    taken_up = replace(Run.create(checked(recipe, overrides), folder), budget=budget)
    with taken_up.lock():
        taken_up.save_recipe()
        if retry_failed:
            _forget_failed(taken_up)
        before = run_all(taken_up)
        if all(state.state == "done" for state in before):
            say("everything is up to date", style="bold green")
        _finish(taken_up)
        if push:
            _push(taken_up)
    _end_short(taken_up)


def _stage(name: str) -> Callable[..., None]:
    """The command of a stage that takes nothing but the run."""

    def make(folder: RunFolder) -> None:
        _run_one(folder, name)

    return make


def _tasks(folder: RunFolder) -> None:
    _run_one(folder, "tasks", then=_show_tasks)


def _show_tasks(opened: Run) -> None:
    from infogap.cli.task_preview import preview
    from infogap.console import output

    found = preview(opened)
    if output.json:
        import orjson

        typer.echo(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2).decode())
    elif not output.quiet:
        typer.echo("\n".join(found.lines()))


def _generate(
    folder: RunFolder,
    retry_failed: RetryFailed = False,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
) -> None:
    from infogap.runs.budget import Budget

    budget = Budget(max_requests, max_tokens)
    _run_one(folder, "generate", first=_forget_failed if retry_failed else None, budget=budget)


def _gap(
    folder: RunFolder,
    table: Annotated[
        bool, typer.Option("--table", help="Print gaps by privilege, and how well confidence fits what is right.")
    ] = False,
) -> None:
    _run_one(folder, "gap", then=_show_gaps if table else None)


def _show_gaps(opened: Run) -> None:
    from infogap.console import output
    from infogap.gap.gap_tables import gap_table

    found = gap_table(opened, measured=_is_done(opened, "measure"))
    if output.json:
        import orjson

        typer.echo(orjson.dumps(found.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        from infogap.gap.gap_terminal import print_gap_table

        print_gap_table(found)


def _is_done(opened: Run, stage: str) -> bool:
    from infogap.runs.pipeline import states

    return any(state.stage == stage and state.state == "done" for state in states(opened))


def _measure(
    folder: RunFolder,
    table: Annotated[
        bool, typer.Option("--table", help="Print what each privilege did: score, length, markers, differences.")
    ] = False,
    tasks: Annotated[bool, typer.Option("--tasks", help="With --table: a row per task too.")] = False,
) -> None:
    from infogap.errors import UserError

    if tasks and not table:
        raise UserError("--tasks adds to --table; write both")
    _run_one(folder, "measure", then=(lambda opened: _show_effects(opened, tasks=tasks)) if table else None)


def _show_effects(opened: Run, *, tasks: bool) -> None:
    from infogap.console import output
    from infogap.effects import effects_of

    found = effects_of(opened, _is_done(opened, "verify"))
    if output.json:
        import orjson

        typer.echo(orjson.dumps([effects.as_json() for effects in found], option=orjson.OPT_INDENT_2).decode())
    else:
        from infogap.effects.effects_terminal import print_effects

        print_effects(found, tasks=tasks)


def _dedupe(
    folder: deduping.Folder = None,
    input_: deduping.Input = None,
    column: deduping.Column = None,
    output: deduping.Output = None,
    duplicates: deduping.Duplicates = None,
    threshold: deduping.Threshold = None,
    ngram: deduping.Ngram = None,
    num_perm: deduping.NumPerm = None,
    keep: deduping.Keep = None,
    ray: deduping.Ray = None,
) -> None:
    settings = {"threshold": threshold, "ngram": ngram, "num_perm": num_perm, "keep": keep}
    of_file = {"column": column, "output": output, "duplicates": duplicates} | settings
    deduping.check(folder, input_, of_file)
    with deduping.where(ray):
        if folder is not None:
            _run_one(folder, "dedupe")
        elif input_ is not None:
            deduping.dedupe_file(input_, column, output, duplicates, settings)


def _decontaminate(
    folder: RunFolder,
    table: Annotated[
        bool, typer.Option("--table", help="Print matches side by side, the shared words marked; with --json all.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="With --table: matches printed at most.")] = 10,
) -> None:
    _run_one(folder, "decontaminate", then=(lambda opened: _show_matches(opened, limit)) if table else None)


def _show_matches(opened: Run, limit: int) -> None:
    from infogap.console import output
    from infogap.decontaminate.matches_terminal import matches_of, print_matches
    from infogap.schema import CONTAMINATION

    if output.json:
        import orjson

        typer.echo(orjson.dumps(matches_of(opened).to_dicts(), option=orjson.OPT_INDENT_2).decode())
    else:
        print_matches(opened, matches_of(opened, limit), opened.rows(CONTAMINATION))


def _balance(folder: RunFolder) -> None:
    _run_one(folder, "balance", then=_show_mix)


def _show_mix(opened: Run) -> None:
    from infogap.console import output
    from infogap.report.run_summary import mix_counts, print_funnel

    if output.json:
        import orjson

        typer.echo(orjson.dumps(mix_counts(opened), option=orjson.OPT_INDENT_2).decode())
    elif not output.quiet:
        print_funnel(opened)


def _publish(folder: RunFolder, push: Push = False) -> None:
    _run_one(folder, "publish", then=_push if push else None)


_STAGE_COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "tasks": (_tasks, "Collect the tasks from their sources, and show some as they were read."),
    "generate": (_generate, "Ask the teacher for the traces that are not on disk yet."),
    "import": (_stage("import"), "Take over traces that exist already."),
    "verify": (_stage("verify"), "Compare every trace's final answer with the gold answer."),
    "gap": (_gap, "Score every trace with and without its teacher's context."),
    "measure": (_measure, "Count epistemic markers, cut bands, find leaks."),
    "dedupe": (_dedupe, "Find traces that say the same; or rows of any file, with --input."),
    "decontaminate": (_decontaminate, "Find what the tasks and traces share with evaluation sets."),
    "balance": (_balance, "Choose the mix; say what kept each other trace out."),
    "publish": (_publish, "Write the dataset's folder; with --push, make it a version on the Hub."),
    "report": (_stage("report"), "Write the report's page."),
}
for _name, (_function, _help) in _STAGE_COMMANDS.items():
    command(STAGES, _name, help_text=_help)(_function)


def _run_one(
    folder: Path,
    name: str,
    first: Callable[[Run], None] | None = None,
    then: Callable[[Run], None] | None = None,
    budget: Budget | None = None,
) -> None:
    from infogap.runs.pipeline import run_one
    from infogap.runs.run_folder import Run

    opened = Run.open(folder)
    if budget is not None:
        opened = replace(opened, budget=budget)
    with opened.lock():
        if first:
            first(opened)
        run_one(opened, name)
        if then:
            then(opened)
    _end_short(opened, name)


def _forget_failed(opened: Run) -> None:
    from infogap.generate import forget_failed

    failed = forget_failed(opened)
    say(f"{failed:,} failed requests will be asked again")


def _push(opened: Run) -> None:
    from infogap.publish import push

    pushed = push(opened)
    say(f"{'published' if pushed.created else 'already published'}: {pushed.url} at {pushed.tag}", style="bold green")


def _finish(opened: Run) -> None:
    """The tables that say what came of it."""
    from infogap.console import output
    from infogap.report.run_summary import print_summary, summary

    if output.json:
        import orjson

        typer.echo(orjson.dumps(summary(opened), option=orjson.OPT_INDENT_2).decode())
    elif not output.quiet:
        print_summary(opened)


def _end_short(opened: Run, name: str | None = None) -> None:
    """End with the exit code for a shortfall where a stage (or the one named) fell short of its target."""
    from infogap.errors import ShortfallError
    from infogap.runs.pipeline import states

    for state in states(opened):
        if state.shortfall and state.state == "done" and name in (None, state.stage):
            raise ShortfallError(f"{state.stage}: {state.shortfall}")
