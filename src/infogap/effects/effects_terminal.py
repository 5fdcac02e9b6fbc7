"""Print the tables of effects, worth and teachers in the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infogap.console import stdout
from infogap.effects.compared_traces import SCORED
from infogap.effects.estimate_rows import EstimateRow, figure_table, heading, interval, number, teacher_rows, worth_rows
from infogap.effects.paired_differences import Difference
from infogap.effects.teacher_ranking import TeacherRanking
from infogap.effects.teacher_results import Effects

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


TASKS_SHOWN = 20
WORTH_TITLE = "Was the privilege worth it?"
TEACHERS_TITLE = "Teachers on the tasks that all of them answered"


def print_effects(teachers: list[Effects], *, tasks: bool) -> None:
    """Print every teacher's tables; with `tasks` also the one with a row per task."""
    console = stdout()
    for effects in teachers:
        if len(teachers) > 1:
            console.print(f"\nTeacher {effects.teacher}", style="bold")
        console.print(_means(effects))
        if effects.differences:
            title = f"Difference to {effects.unguided} on the same tasks (* interval excludes 0)"
            console.print(_differences(title, [(row.privilege, row) for row in effects.differences], effects.unit))
        if effects.contrasts:
            rows = [(row.name, row.difference) for row in effects.contrasts]
            console.print(_differences("Effect of the true context minus effect of the control", rows, effects.unit))
        print_worth(effects)
        if effects.passes:
            console.print(_passes(effects))
        if tasks:
            _print_tasks(console, effects)
        for note in effects.notes:
            console.print(note.replace("`", ""), style="dim")


def _means(effects: Effects) -> Table:
    # Means of scores have a table of their own, with more columns: infogap gap --table.
    shown = [quantity for quantity in effects.quantities if quantity not in SCORED]
    headings = [heading(quantity, effects.unit) for quantity in shown]
    table = figure_table("What each privilege did", ["privilege"], ["tasks", "traces", *headings])
    for row in effects.means:
        figures = [number(row.of[quantity], quantity) for quantity in shown]
        table.add_row(row.privilege, f"{row.tasks:,}", f"{row.traces:,}", *figures)
    return table


def _differences(title: str, rows: list[tuple[str, Difference]], unit: str) -> Table:
    """Build a row per privilege and quantity; dim if the interval includes 0, or there is none."""
    table = figure_table(title, ["privilege", "of"], ["tasks", "mean", "95 % interval", ""])
    before = None
    for name, row in rows:
        if before not in (None, name):
            table.add_section()
        table.add_row(
            "" if name == before else name,
            heading(row.quantity, unit),
            f"{row.tasks:,}",
            number(row.mean, row.quantity, "+"),
            interval(row, sign="+"),
            "*" if row.excludes_zero else "",
            style=None if row.excludes_zero else "dim",
        )
        before = name
    return table


def _passes(effects: Effects) -> Table:
    ks = sorted({at.k for row in effects.passes for at in row.at})
    table = figure_table("pass@k, mean over tasks", ["privilege"], ["tasks", "samples", *(f"k={k}" for k in ks)])
    for row in effects.passes:
        rates = {at.k: f"{at.rate:.2f}" for at in row.at}
        table.add_row(row.privilege, f"{row.tasks:,}", f"{row.samples:,}", *(rates.get(k, "-") for k in ks))
    return table


def _print_tasks(console: Console, effects: Effects) -> None:
    from rich.table import Table

    labels = [row.privilege for row in effects.passes if row.privilege != effects.unguided]
    table = Table(
        *("task", "family", "level", "pass rate"),
        title="Correct samples by task, those that privileges change most first",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    for label in labels:
        # Without underscores, long names wrap instead of squeezing other columns.
        table.add_column(label.replace("_", " "), overflow="fold")
    for column in table.columns[2:]:
        column.justify, column.min_width = "right", 4
    table.columns[0].no_wrap, table.columns[1].no_wrap = True, True
    table.columns[1].max_width = 12
    for task in effects.tasks[:TASKS_SHOWN]:
        cells = [task.privileges.get(label) for label in labels]
        shown = [f"{cell['c']}/{cell['n']}" if cell else "-" for cell in cells]
        rate = "-" if task.pass_rate is None else f"{task.pass_rate:.2f}"
        table.add_row(task.task_id, task.family or "", task.difficulty or "", rate, *shown)
    console.print(table)
    if len(effects.tasks) > TASKS_SHOWN:
        console.print(f"... and {len(effects.tasks) - TASKS_SHOWN:,} more tasks: --json lists all", style="dim")


def print_worth(effects: Effects) -> None:
    """Print one teacher's table of worth; nothing if no privilege is compared with `unguided`."""
    if effects.worth:
        _print(f"{WORTH_TITLE} (* interval excludes 0)", "privilege", worth_rows(effects.worth))
        _print_notes(effects.worth_notes)


def print_ranking(ranking: TeacherRanking) -> None:
    """Print the teachers, the most accurate first, and the notes on the table."""
    if ranking.cells:
        _print(f"{TEACHERS_TITLE}, by accuracy", "teacher", teacher_rows(ranking))
    _print_notes(ranking.notes)


def _print_notes(notes: list[str]) -> None:
    for note in notes:
        stdout().print(note.replace("`", ""), style="dim", markup=False, highlight=False)


def _print(title: str, name: str, rows: list[EstimateRow]) -> None:
    table = figure_table(title, [name, "of"], ["tasks", "mean", "95 % interval", ""])
    before = None
    for row in rows:
        if before not in (None, row.name):
            table.add_section()
        shown = "" if row.name == before else row.name
        table.add_row(shown, row.of, row.tasks, row.mean, row.interval, "*" if row.marked else "")
        before = row.name
    stdout().print(table)
