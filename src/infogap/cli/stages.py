"""The commands of single stages, and the tables that they print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infogap.cli import completions, dedupe_command, publish_command
from infogap.cli.app import STAGES, command
from infogap.cli.arguments import (
    MaxRequests,
    MaxTokens,
    NoWait,
    Overrides,
    Ray,
    RetryFailed,
    RunFolder,
    run_folder,
)
from infogap.cli.stage_result import print_stage_result
from infogap.console import output, print_json, print_words, say, shortened, stdout
from infogap.errors import InputError, ShortfallError, StoppedError

if TYPE_CHECKING:
    from infogap.api.run import Run

_MOST_LACKS = 40  # missing traces that a plan prints, a line per stratum


def _stage(name: str) -> Callable[..., None]:
    """Make the command of a stage without options."""

    def make(folder: RunFolder) -> None:
        _update(folder, name)

    return make


def _tasks(folder: RunFolder, ray: Ray = None) -> None:
    _update(folder, "tasks", then=print_tasks, ray=ray)


def _verify(
    folder: RunFolder,
    ray: Ray = None,
    retry_failed: RetryFailed = False,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
) -> None:
    limits: dict[str, Any] = {"max_requests": max_requests, "max_tokens": max_tokens}
    _update(folder, "verify", ray=ray, retry_failed=retry_failed, **limits)


def _generate(
    folder: RunFolder,
    retry_failed: RetryFailed = False,
    max_requests: MaxRequests = None,
    max_tokens: MaxTokens = None,
    no_wait: NoWait = False,
) -> None:
    limits: dict[str, Any] = {"max_requests": max_requests, "max_tokens": max_tokens, "wait": not no_wait}
    _update(folder, "generate", retry_failed=retry_failed, **limits)


def _gap(
    folder: RunFolder,
    table: Annotated[
        bool, typer.Option("--table", help="Print gaps by privilege, and how well calibrated final answers are.")
    ] = False,
) -> None:
    _update(folder, "gap", then=print_gaps if table else None)


def _measure(
    folder: RunFolder,
    table: Annotated[
        bool, typer.Option("--table", help="Print what each privilege did: score, length, markers, differences.")
    ] = False,
    tasks: Annotated[bool, typer.Option("--tasks", help="With --table: a row per task too.")] = False,
    ray: Ray = None,
) -> None:
    if tasks and not table:
        raise InputError("--tasks needs --table; write both")
    then = (lambda run: print_privilege_effects(run, tasks=tasks)) if table else None
    _update(folder, "measure", then=then, ray=ray)


def _dedupe(
    folder: dedupe_command.Folder = None,
    input_: dedupe_command.Input = None,
    column: dedupe_command.Column = None,
    output: dedupe_command.Output = None,
    duplicates: dedupe_command.Duplicates = None,
    threshold: dedupe_command.Threshold = None,
    ngram: dedupe_command.Ngram = None,
    num_perm: dedupe_command.NumPerm = None,
    keep: dedupe_command.Keep = None,
    ray: Ray = None,
) -> None:
    settings = {"threshold": threshold, "ngram": ngram, "num_perm": num_perm, "keep": keep}
    of_file = {"column": column, "output": output, "duplicates": duplicates} | settings
    dedupe_command.check_options(folder, input_, of_file)
    if folder is not None:
        _update(folder, "dedupe", ray=ray)
    elif input_ is not None:
        dedupe_command.dedupe_file(input_, column, output, duplicates, settings, ray)


def _decontaminate(
    folder: RunFolder,
    table: Annotated[
        bool, typer.Option("--table", help="Print matches side by side, shared words marked; all of them with --json.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="With --table: the most matches to print.")] = 10,
) -> None:
    _update(folder, "decontaminate", then=(lambda run: print_contamination(run, limit)) if table else None)


def _balance(
    folder: RunFolder,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what the mix would be and what it lacks; write nothing.")
    ] = False,
    set_: Overrides = None,
) -> None:
    if plan:
        print_mix_plan(folder, set_)
    elif set_:
        raise InputError("--set needs --plan; change the recipe, or run it with `infogap run RECIPE --set ...`")
    else:
        _update(folder, "balance", then=print_mix)


def _report(
    folder: RunFolder,
    other: Annotated[
        Path | None,
        typer.Argument(
            metavar="[OTHER]",
            callback=run_folder,
            autocompletion=completions.runs,
            help="Another run, or a dataset folder; RUN may be one too.",
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="With OTHER: the page; by default comparison.html.")
    ] = None,
) -> None:
    if other is not None:
        compare(folder, other, to or Path("comparison.html"))
    elif to is not None:
        raise InputError("--to is for a comparison; a run's report is in its own folder: name another run too")
    else:
        _update(folder, "report")


_STAGE_COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "tasks": (_tasks, "Collect the tasks from their sources, and show some of them as read."),
    "generate": (_generate, "Sample the traces that are not on disk yet from the teacher."),
    "import": (_stage("import"), "Import existing traces."),
    "verify": (_verify, "Grade every trace's final answer: against the gold answer, by consensus, or by a judge."),
    "derive": (_stage("derive"), "Make traces from traces by rule: less doubt, other steps, other content."),
    "gap": (_gap, "Score every trace with and without its teacher's context."),
    "measure": (_measure, "Count epistemic markers, assign confidence bands, find leaks."),
    "dedupe": (_dedupe, "Find near-duplicate traces; or, with --input, near-duplicate rows of any file."),
    "decontaminate": (_decontaminate, "Find what tasks and traces share with evaluation sets."),
    "balance": (_balance, "Choose the mix, and say why each other trace is excluded."),
    "publish": (
        publish_command.publish,
        "Write the dataset's folder; publish it as a version on the Hub, or in another folder.",
    ),
    "report": (_report, "Write the report's page; or, with OTHER, one page that compares two runs or datasets."),
}
for _name, (_function, _help) in _STAGE_COMMANDS.items():
    command(STAGES, _name, help_text=_help)(_function)


def _update(folder: Path, stage: str, then: Callable[[Run], None] | None = None, **limits: Any) -> None:
    """Bring one stage up to date, then print; raise a shortfall, or that it was stopped, only after that."""
    from infogap.api.run import Run

    run = Run.open(folder)
    report = then or (lambda run: print_stage_result(run, stage))
    try:
        run.update(stage, quiet=output.quiet, **limits)
    except StoppedError:
        print_stage_result(run, stage)
        raise
    except ShortfallError:
        report(run)
        raise
    report(run)


def compare(first: Path, second: Path, page: Path) -> None:
    """Write the page that compares two runs or datasets."""
    from infogap.atomic_files import write_text
    from infogap.report.comparison_page import comparison_page

    text, differences = comparison_page(first, second)
    write_text(page, text)
    if output.json:
        print_json({"page": str(page), "same": differences.same, "in_short": differences.in_short})
    else:
        say(f"{differences.in_short}; wrote {page}")


def print_tasks(run: Run) -> None:
    """Print some tasks as they were read."""
    from infogap.cli.task_preview import preview

    previewed = preview(run.folder)
    if output.json:
        print_json(previewed.as_json())
    elif not output.quiet:
        print_words("\n".join(previewed.lines()))


def print_gaps(run: Run) -> None:
    """Print the gaps by privilege, and how well calibrated the final answers are."""
    from infogap.gap.gap_tables import gap_table, print_gap_table

    table = gap_table(run.folder, measured=run.is_done("measure"))
    if output.json:
        print_json(table.as_json())
    else:
        print_gap_table(table)


def print_privilege_effects(run: Run, *, tasks: bool) -> None:
    """Print what each privilege did, and how teachers compare; with `tasks`, a row per task too."""
    from infogap.effects.derived_effects import derived_effects, derived_table
    from infogap.effects.effects_table import effects_of
    from infogap.effects.teacher_ranking import rank_teachers

    effects = effects_of(run.folder, run.is_done("verify"))
    ranking = rank_teachers(run.folder, run.is_done("verify"))
    if output.json:
        among: dict[str, object] = {"ranking": ranking.as_json()} if ranking else {}
        if derived := derived_effects(run.folder):
            among["derived"] = [effect.as_json() for effect in derived]
        print_json([of_teacher.as_json() | among for of_teacher in effects])
    else:
        from infogap.effects.effects_terminal import print_effects, print_ranking

        print_effects(effects, tasks=tasks)
        if ranking:
            print_ranking(ranking)
        if derived := derived_effects(run.folder):
            stdout().print(derived_table(derived))


def print_contamination(run: Run, limit: int) -> None:
    """Print matches with evaluation sets side by side, at most `limit`; as JSON all of them."""
    from infogap.decontaminate.matches_terminal import matches_of, print_matches
    from infogap.schema import CONTAMINATION

    if output.json:
        print_json(matches_of(run.folder).to_dicts())
    else:
        print_matches(run.folder, matches_of(run.folder, limit), run.folder.rows(CONTAMINATION))


def print_mix_plan(folder: Path, overrides: list[str] | None) -> None:
    """Print what each mix would be: target and achieved by value, and the traces that it lacks."""
    from infogap.api.run import Run
    from infogap.report.run_summary import print_mix_figures

    plans = Run.open(folder).plan_mixes(overrides)
    if output.json:
        print_json({plan.name: plan.as_json() for plan in plans})
        return
    for plan in plans:
        print_mix_figures(plan.name, plan.figures)
        for note in plan.notes:
            print_words(note)
        for lack in shortened(plan.lacks, _MOST_LACKS, "--json lists all"):
            print_words(f"missing: {lack}")


def print_mix(run: Run) -> None:
    """Print how many traces each reason excluded, what the mix achieved, and what to expect of it."""
    from infogap.effects.mix_outlook import mix_profiles
    from infogap.report.run_summary import mix_counts, print_funnel, print_mixes, print_outlook

    if output.json:
        outlook = {name: profile.as_json() for name, profile in mix_profiles(run.folder).items()}
        print_json({"mixes": mix_counts(run.folder), "outlook": outlook})
    elif not output.quiet:
        print_funnel(run.folder)
        print_mixes(run.folder)
        print_outlook(run.folder)
