"""Commands that look at what is there and change nothing."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from infogap.cli.app import RECIPES, RUNS, app, command, with_output_options
from infogap.cli.arguments import RunFolder, run_folder
from infogap.console import output, stdout
from infogap.errors import UserError

privileges_app = typer.Typer(help="The ladder of privileges, and what a teacher sees under each.")
app.add_typer(privileges_app, name="privileges", rich_help_panel=RECIPES)


@command(RUNS)
def status(
    folder: RunFolder,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every second until everything is done, from another terminal.")
    ] = False,
) -> None:
    """Say what of a run is done, stale or missing, and why."""
    from infogap.cli import watch as watching
    from infogap.runs.run_folder import Run

    if watch:
        watching.watch(folder)
        return
    found = watching.current_states(Run.open(folder))
    if output.json:
        _print_json([asdict(state) for state in found])
    else:
        stdout().print(watching.stages_table(folder, found))


@command(RUNS)
def show(
    folder: RunFolder,
    task: Annotated[str | None, typer.Option(metavar="ID", help="Traces of this task.")] = None,
    privilege: Annotated[str | None, typer.Option(help="Traces under this privilege.")] = None,
    band: Annotated[str | None, typer.Option(help="uncertain, mixed or confident.")] = None,
    verdict: Annotated[str | None, typer.Option(help="correct, wrong, no_answer, truncated or ungradable.")] = None,
    duplicates: Annotated[
        bool,
        typer.Option("--duplicates", help="Traces that go as duplicates beside those that stay, what differs marked."),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Tasks, or duplicates, shown at most.")] = 3,
) -> None:
    """Show traces side by side, epistemic markers highlighted."""
    if duplicates:
        _show_duplicates(folder, {"task_id": task, "privilege": privilege}, {"band": band, "verdict": verdict}, limit)
        return
    from infogap.report.traces_terminal import print_traces, traces_of
    from infogap.runs.run_folder import Run

    opened = Run.open(folder)
    wanted = {"task_id": task, "privilege": privilege, "band": band, "verdict": verdict}
    found = traces_of(opened, {column: value for column, value in wanted.items() if value is not None}, limit)
    if output.json:
        _print_json(found.to_dicts())
    else:
        print_traces(opened, found)


def _show_duplicates(folder: Path, wanted: dict[str, str | None], others: dict[str, str | None], limit: int) -> None:
    from infogap.report.duplicates_terminal import pairs_of, print_pairs
    from infogap.runs.run_folder import Run

    for name, value in others.items():
        if value is not None:
            raise UserError(f"--{name} does not go with --duplicates; --task and --privilege do")
    pairs = pairs_of(Run.open(folder), {name: value for name, value in wanted.items() if value is not None}, limit)
    if output.json:
        _print_json(pairs.to_dicts())
    else:
        print_pairs(pairs)


@privileges_app.callback(invoke_without_command=True)
@with_output_options
def _privileges(context: typer.Context) -> None:
    """List the ladder of privileges; `show` prints what the teacher sees under one."""
    if context.invoked_subcommand is None:
        list_privileges()


@command(RECIPES, "list", privileges_app)
def list_privileges() -> None:
    """List the ladder: richness, what the teacher sees, what a task must have."""
    from infogap.privileges.ladder import ladder

    if output.json:
        keys = (
            "name",
            "richness",
            "needs",
            "shows",
            "options",
            "imitates",
            "style",
            "attempts",
            "attempts_from",
            "scoring",
        )
        _print_json([{key: getattr(privilege, key) for key in keys} for privilege in ladder()])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("privilege", "richness", "what the teacher sees besides", "needs", "options"):
        table.add_column(heading, justify="right" if heading == "richness" else "left")
    table.columns[-1].max_width = 16  # rather two lines there than in every row
    for privilege in ladder():
        name = privilege.name if privilege.role == "privilege" else f"{privilege.name} ({privilege.role})"
        table.add_row(
            name,
            f"{privilege.richness:g}",
            privilege.shows,
            "attempts" if privilege.attempts else ", ".join(privilege.needs),
            ", ".join(privilege.options),
        )
    stdout().print(table)


@command(RECIPES, "show", privileges_app)
def show_privilege(
    privilege: Annotated[str, typer.Argument(metavar="PRIVILEGE", help="As the run's recipe calls it.")],
    run: Annotated[Path, typer.Option("--run", metavar="RUN", callback=run_folder, help="The run's folder or name.")],
    task: Annotated[str | None, typer.Option(metavar="ID", help="By default the task with the lowest id.")] = None,
) -> None:
    """Print exactly what the teacher reads for one task."""
    from infogap.generate.show_prompt import prompt_of
    from infogap.runs.run_folder import Run

    prompt = prompt_of(Run.open(run), privilege, task)
    if output.json:
        _print_json({"privilege": privilege, "prompt": prompt})
    else:
        typer.echo(prompt)


def _print_json(value: Any) -> None:
    import orjson

    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
