"""What the commands of single stages print: some tasks, the mix, and the tables that --table asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from infogap.cli.app import print_json
from infogap.console import output

if TYPE_CHECKING:
    from infogap.api.run import Run


def print_tasks(run: Run) -> None:
    """Print some tasks as they were read."""
    from infogap.cli.task_preview import preview

    previewed = preview(run.folder)
    if output.json:
        print_json(previewed.as_json())
    elif not output.quiet:
        typer.echo("\n".join(previewed.lines()))


def print_gaps(run: Run) -> None:
    """Print the gaps by privilege, and how well calibrated the final answers are."""
    from infogap.gap.gap_tables import gap_table

    table = gap_table(run.folder, measured=run.is_done("measure"))
    if output.json:
        print_json(table.as_json())
    else:
        from infogap.gap.gap_terminal import print_gap_table

        print_gap_table(table)


def print_privilege_effects(run: Run, *, tasks: bool) -> None:
    """Print what each privilege did; with `tasks`, a row per task too."""
    from infogap.effects import effects_of

    effects = effects_of(run.folder, run.is_done("verify"))
    if output.json:
        print_json([of_teacher.as_json() for of_teacher in effects])
    else:
        from infogap.effects.effects_terminal import print_effects

        print_effects(effects, tasks=tasks)


def print_contamination(run: Run, limit: int) -> None:
    """Print matches with evaluation sets side by side, at most `limit`; as JSON all of them."""
    from infogap.decontaminate.matches_terminal import matches_of, print_matches
    from infogap.schema import CONTAMINATION

    if output.json:
        print_json(matches_of(run.folder).to_dicts())
    else:
        print_matches(run.folder, matches_of(run.folder, limit), run.folder.rows(CONTAMINATION))


def print_mix(run: Run) -> None:
    """Print how many traces each reason took out of the mix."""
    from infogap.report.run_summary import mix_counts, print_funnel

    if output.json:
        print_json(mix_counts(run.folder))
    elif not output.quiet:
        print_funnel(run.folder)
