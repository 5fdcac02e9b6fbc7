"""The generate stage: asks the teachers, round by round, for the traces that are not on disk yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import count, islice
from typing import Any

from infogap.console import Advance, progress
from infogap.generate.earlier_rounds import EarlierRounds
from infogap.generate.fill_round import fill_round, stopped
from infogap.generate.generation_summary import summary
from infogap.generate.one_open_teacher import OneOpenTeacher
from infogap.generate.request_plan import Plan, context_writer
from infogap.generate.throughput import PaceReader, in_brackets
from infogap.generate.trace_cache import drop_from_cache
from infogap.generate.trace_files import Rounds, Row, part_number
from infogap.generate.trace_store import (
    answered,
    failures,
    keep_rounds,
    move_to_cache,
    nothing_but_failures,
    round_parts,
)
from infogap.interrupts import Stopping, stopping
from infogap.privileges.contexts import load_wording
from infogap.privileges.ladder import privilege_versions
from infogap.recipe import Recipe
from infogap.recipe.generate_section import Generate
from infogap.runs.budget import Spending
from infogap.runs.run_folder import Run, read_part
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTEXTS, TOKENS, TRACES, VERDICTS
from infogap.teachers.answering_teacher import answering_teachers, teacher_identity
from infogap.verify.grade_traces import (
    forget_judged,
    grade_traces,
    grading_settings,
    is_judged,
    judge_by,
    tasks_by_id,
    write_judged,
)


def _part(run: Run) -> dict[str, Any]:
    """What determines the traces: not where the teachers run, nor how many requests are in flight."""
    generate = run.recipe.generate
    assert generate is not None
    wording = load_wording(generate.wording)
    worded = {use.privilege.worded_as for use in generate.uses} & wording.contexts.keys()
    part = {
        "seed": run.recipe.seed,
        **_teachers(run),
        "generate": generate.model_dump(mode="json", by_alias=True, exclude_none=True),
        "wording": {"frame": wording.frame, "contexts": {name: wording.contexts[name] for name in sorted(worded)}},
    }
    if generate.in_rounds or any(use.privilege.graded for use in generate.uses):
        part["grading"] = grading_settings(run)
    if versions := privilege_versions(generate.named, run.base):
        part["privileges"] = versions
    return part


def _teachers(run: Run) -> dict[str, Any]:
    identities = {name: teacher_identity(each, run.resolve) for name, each in run.recipe.every_teacher.items()}
    if run.recipe.teachers:  # a list: in another order, they have another place in the table
        return {"teachers": [{"name": name, **identity} for name, identity in identities.items()]}
    return {"teacher": identities[""]}


def _make(run: Run) -> Outcome:
    generate = run.recipe.generate
    assert generate is not None
    folder = run.path / TRACES.name
    _forget_if_nothing_but_failures(run)
    with closing(OneOpenTeacher(run.resolve)) as opened:
        stop, tags = None, Counter[str]()
        try:
            with stopping() as stop:
                plan, rounds = _fill_rounds(run, generate, opened, stop, tags)
        except KeyboardInterrupt:
            if stop is not None and stop.overdue:
                raise stopped(folder, "as asked") from None
            raise
    if stop.at_once:  # the interrupt was lost where Python lets none out: in the closing of a generator
        raise KeyboardInterrupt
    if stop.asked:  # all was in flight already: the rest of the run is not what was asked for
        raise stopped(folder, "as asked")
    keep_rounds(folder, rounds)
    drop_from_cache(folder)
    return summary(run, plan, rounds, tags)


def _fill_rounds(
    run: Run, generate: Generate, opened: OneOpenTeacher, stop: Stopping, tags: Counter[str]
) -> tuple[Plan, int]:
    """Fill round after round until one has no requests; give that last plan and the number of rounds before it.

    Counts in `tags` by which tags new answers were split into thought and response.
    """
    spending, writer, teachers = Spending(run.budget), context_writer(run), answering_teachers(run)
    folder = run.path / TRACES.name
    if not generate.in_rounds:
        forget_judged(folder)
    with run.rewrite(CONTEXTS) as contexts:
        for round_ in count():
            earlier = EarlierRounds(run, before=round_) if generate.in_rounds else None
            plan = Plan(run, round_, earlier, writer, teachers)
            plan.settle(contexts)
            if round_ and not plan.total:
                return plan, round_
            fill_round(folder, plan, opened, spending, stop, tags)
            if not generate.in_rounds or (round_ == 0 and nothing_but_failures(folder, round_)):
                return plan, round_ + 1
            _judge(run, plan)
    raise AssertionError("rounds end")


def _judge(run: Run, plan: Plan) -> None:
    """Grade a round's traces, as the next round follows from the verdicts; they are kept part by part."""
    folder = run.path / TRACES.name
    judge_by(folder, grading_settings(run))
    paths = [path for path in round_parts(folder, plan.round) if not is_judged(path)]
    if not paths:
        return
    sizes = [Rounds.read(folder).rows_of(part_number(path)) for path in paths]
    verdicts = grade_traces(tasks_by_id(run), ((read_part(path, TRACES), VERDICTS.empty()) for path in paths), run.base)
    with closing(verdicts), progress("judge", sum(sizes), "traces") as advance:
        for path, size in zip(paths, sizes, strict=True):
            write_judged(path, _advancing(islice(verdicts, size), advance))


def _advancing(rows: Iterable[Row], advance: Advance) -> Iterator[Row]:
    for row in rows:
        yield row
        advance(1)


def _forget_if_nothing_but_failures(run: Run) -> None:
    """Start over where every request to a teacher has failed so far: nothing is lost by sending them again."""
    folder = run.path / TRACES.name
    if nothing_but_failures(folder):
        move_to_cache(folder)


def forget_failed(run: Run) -> int:
    """Forget failed requests, so that the next generate sends them again; returns how many there are."""
    failed = failures(run.path / TRACES.name)
    if failed:
        move_to_cache(run.path / TRACES.name)
    return failed


def _begun(run: Run) -> tuple[int, str] | None:
    """Requests answered on disk, and of how many that are planned so far; None where nothing was begun."""
    folder = run.path / TRACES.name
    progress_on_disk = answered(folder)
    if progress_on_disk is None:
        return None
    done, total = progress_on_disk
    pace = PaceReader(folder).read() if run.recipe.teachers else None
    return done, f"{done:,} of {total:,} requests are answered{in_brackets(pace.teachers) if pace else ''}"


def _absent(recipe: Recipe) -> str:
    return "this run has no stage generate: its traces are imported" if recipe.imports else ""


STAGE = Stage(
    "generate", (TRACES.name, CONTEXTS.name, TOKENS.name), ("tasks",), 1, _part, _make, absent=_absent, begun=_begun
)
