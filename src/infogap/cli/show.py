"""`infogap show`: traces side by side, or removed duplicates beside the kept traces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infogap.cli import completions
from infogap.cli.app import RUNS, command
from infogap.cli.arguments import RunFolder
from infogap.console import output, print_json, say
from infogap.errors import InputError

if TYPE_CHECKING:
    from infogap.runs.run_folder import Run


@command(RUNS)
def show(
    folder: RunFolder,
    task: Annotated[str | None, typer.Option(metavar="ID", help="Traces of this task.")] = None,
    privilege: Annotated[
        str | None, typer.Option(autocompletion=completions.privileges, help="Traces under this privilege.")
    ] = None,
    teacher: Annotated[str | None, typer.Option(metavar="NAME", help="Traces of this teacher.")] = None,
    band: Annotated[
        str | None, typer.Option(autocompletion=completions.bands, help="uncertain, mixed or confident.")
    ] = None,
    verdict: Annotated[
        str | None,
        typer.Option(autocompletion=completions.verdicts, help="correct, wrong, no_answer, truncated or ungradable."),
    ] = None,
    duplicates: Annotated[
        bool,
        typer.Option("--duplicates", help="Removed duplicates beside the kept traces, differences marked."),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="The most tasks, or duplicates, to show.")] = 3,
) -> None:
    """Show traces side by side, epistemic markers highlighted."""
    if duplicates:
        others = {"teacher": teacher, "band": band, "verdict": verdict}
        _show_duplicates(folder, {"task_id": task, "privilege": privilege}, others, limit)
        return
    from infogap.report.traces_terminal import print_traces, traces_of
    from infogap.runs.run_folder import Run

    opened = Run.open(folder)
    _look_at_states(opened)
    wanted = {"task_id": task, "privilege": privilege, "teacher": teacher, "band": band, "verdict": verdict}
    traces = traces_of(opened, {column: value for column, value in wanted.items() if value is not None}, limit)
    if output.json:
        print_json(traces.to_dicts())
    else:
        print_traces(opened, traces)


def _look_at_states(run: Run, *others: str) -> None:
    """Say if a table to show is not up to date. Raises InputError if there are no traces."""
    from infogap.runs.pipeline import states_of_tables
    from infogap.schema import TRACES

    if not run.part_paths(TRACES):
        (maker,) = states_of_tables(run, {TRACES.name})
        why = f": {maker.stage} is {maker.state} ({maker.why[0]})" if maker.why else ""
        raise InputError(f"{run.path} has no traces to show{why}; first: infogap {maker.stage} {run.path}")
    shown = {"tasks", "traces", "verdicts", "measures", *others}
    behind = [state for state in states_of_tables(run, shown) if state.state != "done"]
    made = next((state for state in behind if state.rows is not None), None)
    if made is not None:
        say(f"{made.stage} is {made.state} ({made.why[0]}): this shows the tables as they are", style="yellow")


def _show_duplicates(folder: Path, wanted: dict[str, str | None], others: dict[str, str | None], limit: int) -> None:
    from infogap.report.traces_terminal import pairs_of, print_pairs
    from infogap.runs.run_folder import Run

    for name, value in others.items():
        if value is not None:
            raise InputError(f"--{name} cannot be combined with --duplicates; --task and --privilege can")
    run = Run.open(folder)
    _look_at_states(run, "duplicates")
    pairs = pairs_of(run, {name: value for name, value in wanted.items() if value is not None}, limit)
    if output.json:
        print_json(pairs.to_dicts())
    else:
        print_pairs(pairs)
