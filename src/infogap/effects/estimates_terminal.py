"""The tables of worth and of teachers in the terminal."""

from __future__ import annotations

from infogap.console import stdout
from infogap.effects.estimate_rows import EstimateRow, teacher_rows, worth_rows
from infogap.effects.table_formats import figure_table
from infogap.effects.teacher_ranking import TeacherRanking
from infogap.effects.teacher_results import Effects

WORTH_TITLE = "Was the privilege worth it?"
TEACHERS_TITLE = "Teachers on the tasks that all of them answered"


def print_worth(effects: Effects) -> None:
    """Print one teacher's table; nothing where no privilege is compared with `unguided`."""
    if effects.worth:
        _print(f"{WORTH_TITLE} (* interval excludes 0)", "privilege", worth_rows(effects.worth))
        _print_notes(effects.worth_notes)


def print_ranking(ranking: TeacherRanking) -> None:
    """Print the teachers, the most accurate first, and what the table rests on."""
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
