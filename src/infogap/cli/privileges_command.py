"""`infogap privileges`: the ladder, and the prompt that a teacher reads under each privilege."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from infogap.cli import completions
from infogap.cli.app import RECIPES, app, command, with_output_options
from infogap.cli.arguments import run_folder
from infogap.console import output, print_json, print_line, stdout

privileges_app = typer.Typer(help="The ladder of privileges, and what a teacher sees under each.")
_KEYS = ("name", "richness", "needs", "shows", "options", "imitates", "style", "attempts", "attempts_from", "scoring")
app.add_typer(privileges_app, name="privileges", rich_help_panel=RECIPES)


@privileges_app.callback(invoke_without_command=True)
@with_output_options
def _privileges(context: typer.Context) -> None:
    """List the ladder of privileges; `show` prints what the teacher sees under one."""
    if context.invoked_subcommand is None:
        list_privileges()


@command(RECIPES, "list", privileges_app)
def list_privileges() -> None:
    """List the ladder: richness, what the teacher sees, what a task needs."""
    from infogap.privileges.ladder import ladder

    if output.json:
        print_json([{key: getattr(privilege, key) for key in _KEYS} for privilege in ladder()])
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("privilege", "richness", "what the teacher sees besides", "needs", "options"):
        table.add_column(heading, justify="right" if heading == "richness" else "left")
    table.columns[-1].max_width = 15  # wrap these columns instead of all rows
    table.columns[-2].max_width = 9
    for privilege in ladder():
        name = privilege.name if privilege.role == "privilege" else f"{privilege.name} ({privilege.role})"
        table.add_row(
            name,
            f"{privilege.richness:g}",
            privilege.shows,
            ", ".join([*privilege.needs, *(["attempts"] if privilege.attempts or privilege.notes else [])]),
            ", ".join(privilege.options),
        )
    stdout().print(table)


@command(RECIPES, "show", privileges_app)
def show_privilege(
    privilege: Annotated[
        str,
        typer.Argument(
            metavar="PRIVILEGE", autocompletion=completions.privileges, help="Its name in the run's recipe."
        ),
    ],
    run: Annotated[
        Path,
        typer.Option(
            "--run",
            metavar="RUN",
            callback=run_folder,
            autocompletion=completions.runs,
            help="The run's folder or name.",
        ),
    ],
    task: Annotated[str | None, typer.Option(metavar="ID", help="By default the task with the lowest id.")] = None,
    teacher: Annotated[
        str | None, typer.Option(metavar="NAME", help="One of several teachers; by default the first that answers.")
    ] = None,
) -> None:
    """Print the exact prompt that the teacher reads for one task."""
    from infogap.generate.show_prompt import prompt_of
    from infogap.runs.run_folder import Run

    prompt = prompt_of(Run.open(run), privilege, task, teacher)
    if output.json:
        print_json({"privilege": privilege, "prompt": prompt})
    else:
        print_line(prompt)
