"""The generate stage: asks the teacher, round by round, for the traces that are not on disk yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain, count, groupby, islice
from typing import Any

from infogap.console import Advance, progress
from infogap.errors import ExternalError, StoppedError
from infogap.generate.generation_summary import summary
from infogap.generate.request_plan import EarlierRounds, Plan, Planned, context_writer
from infogap.generate.trace_cache import drop_from_cache
from infogap.generate.trace_files import Rounds, Row, part_number
from infogap.generate.trace_store import (
    TraceStore,
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
from infogap.teachers import Completion, Request, Teacher, open_teacher
from infogap.teachers.model_identity import model_identity, teacher_name
from infogap.text.characters import utf8
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
    """What determines the traces: not where the teacher runs, nor how many requests are in flight."""
    generate, teacher = run.recipe.generate, run.recipe.teacher
    assert generate is not None and teacher is not None
    wording = load_wording(generate.wording)
    worded = {use.privilege.worded_as for use in generate.uses} & wording.contexts.keys()
    part = {
        "seed": run.recipe.seed,
        "teacher": {"model": teacher.model} | teacher.answer_settings | model_identity(run),
        "generate": generate.model_dump(mode="json", by_alias=True, exclude_none=True),
        "wording": {"frame": wording.frame, "contexts": {name: wording.contexts[name] for name in sorted(worded)}},
    }
    if generate.in_rounds or any(use.privilege.graded for use in generate.uses):
        part["grading"] = grading_settings(run)
    if versions := privilege_versions(generate.named, run.base):
        part["privileges"] = versions
    return part


def _make(run: Run) -> Outcome:
    generate = run.recipe.generate
    assert generate is not None
    folder = run.path / TRACES.name
    _forget_if_nothing_but_failures(run)
    with _on_demand(run) as teacher:
        stop, tags = None, Counter[str]()
        try:
            with stopping() as stop:
                plan, rounds = _fill_rounds(run, generate, teacher, stop, tags)
        except KeyboardInterrupt:
            if stop is not None and stop.overdue:
                raise _stopped(run, "as asked") from None
            raise
    if stop.at_once:  # the interrupt was lost where Python lets none out: in the closing of a generator
        raise KeyboardInterrupt
    if stop.asked:  # all was in flight already: the rest of the run is not what was asked for
        raise _stopped(run, "as asked")
    keep_rounds(folder, rounds)
    drop_from_cache(folder)
    return summary(run, plan, rounds, tags)


@contextmanager
def _on_demand(run: Run) -> Iterator[Callable[[], Teacher]]:
    """Give a function that opens the run's teacher at its first call, and close it in the end.

    Loading a model takes minutes, finding that nothing is missing on disk none.
    """
    opened: list[Teacher] = []

    def teacher() -> Teacher:
        if not opened:
            opened.append(open_teacher(run))
        return opened[0]

    try:
        yield teacher
    finally:
        for each in opened:
            each.close()


def _fill_rounds(
    run: Run, generate: Generate, teacher: Callable[[], Teacher], stop: Stopping, tags: Counter[str]
) -> tuple[Plan, int]:
    """Fill round after round until one has no requests; give that last plan and the number of rounds before it.

    Counts in `tags` by which tags new answers were split into thought and response.
    """
    spending, writer, name = Spending(run.budget, _most_tokens(run)), context_writer(run), teacher_name(run)
    folder = run.path / TRACES.name
    if not generate.in_rounds:
        forget_judged(folder)
    with run.rewrite(CONTEXTS) as contexts:
        for round_ in count():
            earlier = EarlierRounds(run, before=round_) if generate.in_rounds else None
            plan = Plan(run, name, round_, earlier, writer)
            plan.settle(contexts)
            if round_ and not plan.total:
                return plan, round_
            _fill(run, plan, teacher, spending, stop, tags)
            if not generate.in_rounds or (round_ == 0 and nothing_but_failures(folder, round_)):
                return plan, round_ + 1
            _judge(run, plan)
    raise AssertionError("rounds end")


def _most_tokens(run: Run) -> int:
    assert run.recipe.teacher is not None
    return run.recipe.teacher.sampling.max_tokens


def _fill(
    run: Run, plan: Plan, teacher: Callable[[], Teacher], spending: Spending, stop: Stopping, tags: Counter[str]
) -> None:
    """Request a round's traces until all are on disk. Raises StoppedError where the command ends before that."""
    assert run.recipe.teacher is not None
    with_tokens = run.recipe.teacher.logprobs is not None
    store = TraceStore(run.path / TRACES.name, plan.key, plan.total, round_=plan.round, with_tokens=with_tokens)
    in_flight: dict[str, Planned] = {}
    what = f"round {plan.round}" if plan.round else "generate"
    if store.complete:
        return
    with progress(what, plan.total, "traces", done=store.done) as advance:
        requests = _unanswered(plan, store, in_flight, advance, spending, stop)
        for completion in _completions(requests, teacher, stop):
            planned = in_flight.pop(completion.request_id)
            store.add(planned.index, _row(planned, completion, plan.teacher_name))
            spending.answer(completion.prompt_tokens, completion.completion_tokens, failed=completion.error is not None)
            tags.update(completion.tags)
            advance(1, tokens=completion.completion_tokens or 0)
    if not store.complete:
        if not stop.asked and spending.spent is None:
            raise ExternalError(f"{plan.teacher_name} left {plan.total - store.done:,} requests without an answer")
        raise _stopped(run, "as asked" if stop.asked else f"at {spending.spent}")


def _completions(requests: Iterator[Request], teacher: Callable[[], Teacher], stop: Stopping) -> Iterator[Completion]:
    """The answers to requests; the teacher is opened if there is a first one."""
    first = next(requests, None)
    if first is None:
        return
    answering = teacher()
    if not stop.asked:  # while it was opened
        yield from answering.answer(chain([first], requests))


def _stopped(run: Run, why: str) -> StoppedError:
    done, total = answered(run.path / TRACES.name) or (0, 0)
    return StoppedError(
        f"stopped {why}: {done:,} of the {total:,} requests planned so far are answered and on disk; "
        "the same command continues from there"
    )


def _unanswered(
    plan: Plan, store: TraceStore, in_flight: dict[str, Planned], advance: Advance, spending: Spending, stop: Stopping
) -> Iterator[Request]:
    """The requests that are not on disk; those that an earlier plan has answered are taken from its cache."""
    for number, block in groupby(plan, key=lambda planned: store.block_of(planned.index)):
        if store.is_whole(number):
            continue
        missing = [planned for planned in block if not store.has(planned.index)]
        cached = store.cached(planned.request.request_id for planned in missing)
        for planned in missing:
            earlier = cached.get(planned.request.request_id)
            if earlier is not None:
                store.add(planned.index, earlier | _place(planned))
                advance(1)
            elif stop.asked or not spending.request():
                return
            else:
                in_flight[planned.request.request_id] = planned
                yield planned.request


def _place(planned: Planned) -> Row:
    return {
        "trace_id": planned.request.request_id,
        "task_id": planned.task_id,
        "privilege": planned.privilege,
        "context_id": planned.context_id,
        "sample": planned.sample,
        "seed": planned.request.seed,
        "round": planned.round,
    }


def _row(planned: Planned, completion: Completion, teacher: str) -> Row:
    return _place(planned) | {
        "teacher": teacher,
        "reasoning": utf8(completion.reasoning),
        "response": utf8(completion.response),
        "finish_reason": completion.finish_reason,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "error": completion.error,
        **_tokens(completion),
    }


def _tokens(completion: Completion) -> Row:
    if completion.token_logprobs is None:
        return {}
    return {"logprobs": completion.token_logprobs, "entropies": completion.token_entropies}


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
    """Start over where every request so far has failed: nothing is lost by sending them again."""
    folder = run.path / TRACES.name
    done = answered(folder)
    if done is not None and done[0] and failures(folder) == done[0]:
        move_to_cache(folder)


def forget_failed(run: Run) -> int:
    """Forget failed requests, so that the next generate sends them again; returns how many there are."""
    failed = failures(run.path / TRACES.name)
    if failed:
        move_to_cache(run.path / TRACES.name)
    return failed


def _begun(run: Run) -> tuple[int, str] | None:
    """Requests answered on disk, and of how many that are planned so far; None where nothing was begun."""
    progress_on_disk = answered(run.path / TRACES.name)
    if progress_on_disk is None:
        return None
    done, total = progress_on_disk
    return done, f"{done:,} of {total:,} requests are answered"


def _absent(recipe: Recipe) -> str:
    return "this run has no stage generate: its traces are imported" if recipe.imports else ""


STAGE = Stage(
    "generate", (TRACES.name, CONTEXTS.name, TOKENS.name), ("tasks",), 1, _part, _make, absent=_absent, begun=_begun
)
