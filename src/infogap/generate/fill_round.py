"""Fill a round: send what is not on disk yet, teacher by teacher, and store the answers as they arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from infogap.console import Advance, progress, say
from infogap.errors import ExternalError, StoppedError
from infogap.generate.answering_teacher import AnsweringTeacher, OneOpenTeacher, TeacherFailedError
from infogap.generate.request_plan import Plan, Planned
from infogap.generate.trace_files import Row
from infogap.generate.trace_store import TraceStore, answered
from infogap.interrupts import Stopping
from infogap.runs.budget import Spending
from infogap.teachers import Completion, Request
from infogap.text.characters import utf8


def fill_round(
    folder: Path, plan: Plan, opened: OneOpenTeacher, spending: Spending, stop: Stopping, tags: Counter[str]
) -> None:
    """Request a round's traces until all are on disk; `tags` counts the tags that split thoughts from responses.

    If one of several teachers fails, the others still answer before its error is raised. Raises StoppedError if the
    command ends before every request is answered.
    """
    teachers = [each.teacher for each in plan.teachers]
    totals = {each.teacher.name: each.total for each in plan.teachers} if len(teachers) > 1 else None
    with_tokens = any(teacher.with_tokens for teacher in teachers)
    store = TraceStore(folder, plan.key, plan.total, round_=plan.round, with_tokens=with_tokens, by_teacher=totals)
    if store.complete:
        return
    failed: list[TeacherFailedError] = []
    in_turn = sorted(range(len(teachers)), key=lambda number: teachers[number].name != opened.name)
    for number in in_turn:
        try:
            _send(plan, number, store, opened, spending, stop, tags)
        except TeacherFailedError as error:
            failed.append(error)
            if number != in_turn[-1]:
                say(f"{error}; continuing with the next teacher", style="yellow")
        if stop.asked:
            break
    left = {
        each.teacher.name: each.total - store.done_of(range(each.first, each.first + each.total))
        for each in plan.teachers
    }
    if not any(left.values()):
        return
    if stop.asked:
        raise stopped(folder, "as asked")
    if failed:
        raise failed[0] if len(failed) == 1 else ExternalError("\n".join(map(str, failed)))
    if spending.spent is not None:
        raise stopped(folder, f"at {spending.spent}")
    unanswered = ", ".join(f"{name} left {count:,}" for name, count in left.items() if count)
    raise ExternalError(f"{unanswered} requests without an answer")


def stopped(folder: Path, why: str) -> StoppedError:
    """Make the error that ends a command before every request is answered."""
    done, total = answered(folder) or (0, 0)
    return StoppedError(
        f"stopped {why}: {done:,} of the {total:,} requests planned so far are answered and on disk; "
        "the same command continues from there"
    )


def _send(
    plan: Plan,
    number: int,
    store: TraceStore,
    opened: OneOpenTeacher,
    spending: Spending,
    stop: Stopping,
    tags: Counter[str],
) -> None:
    """Send one teacher's requests, and store its answers."""
    to_teacher = plan.teachers[number]
    teacher = to_teacher.teacher
    done = store.done_of(range(to_teacher.first, to_teacher.first + to_teacher.total))
    if done == to_teacher.total:
        return
    what = f"round {plan.round}" if plan.round else "generate"
    what = f"{what}, {teacher.name}" if teacher.named else what
    in_flight: dict[str, Planned] = {}
    with progress(what, to_teacher.total, "traces", done=done) as advance:
        requests = _unanswered(plan, number, store, in_flight, advance, spending, stop)
        for completion in opened.answers(teacher, requests, stop):
            planned = in_flight.pop(completion.request_id)
            store.add(planned.index, _row(planned, completion))
            spending.answer(completion.prompt_tokens, _tokens_spent(completion, teacher))
            tags.update(completion.tags)
            advance(1, tokens=completion.completion_tokens or 0)


def _tokens_spent(completion: Completion, teacher: AnsweringTeacher) -> int:
    """Return the tokens of an answer: the maximum, if the server does not report them."""
    if completion.completion_tokens is None and completion.error is None:
        return teacher.most_tokens
    return completion.completion_tokens or 0


def _unanswered(
    plan: Plan,
    number: int,
    store: TraceStore,
    in_flight: dict[str, Planned],
    advance: Advance,
    spending: Spending,
    stop: Stopping,
) -> Iterator[Request]:
    """Yield a teacher's requests that are not on disk, after storing the answers that the cache has."""
    with_tokens = plan.teachers[number].teacher.with_tokens
    for block_number, block in groupby(plan.requests_of(number), key=lambda planned: store.block_of(planned.index)):
        if store.is_whole(block_number):
            continue
        missing = [planned for planned in block if not store.has(planned.index)]
        cached = store.cached((planned.request.request_id for planned in missing), with_tokens=with_tokens)
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


def _row(planned: Planned, completion: Completion) -> Row:
    return _place(planned) | {
        "teacher": planned.teacher,
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
