"""Grade in worker processes: an answer that hangs or crashes its worker loses only its own grade."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from functools import partial
from pathlib import Path

from infogap.parallel.bounded_processes import Given, Lost, bounded
from infogap.parallel.process_limits import limit_memory
from infogap.user_objects import check_sources, is_user_object, sources_of
from infogap.verify.base import Grade, Item, Verifier, ungradable
from infogap.verify.verifiers import grade, is_known, verifier

TIME_LIMIT = 10.0  # processor seconds per item
MEMORY_LIMIT = 2 << 30  # bytes that a worker may take beyond what it starts with

Keyed = tuple[str, Item | Grade]


def grade_all(
    work: Iterable[Keyed],
    *,
    verifiers: Iterable[str],
    folder: Path = Path(),
    limit: float = TIME_LIMIT,
    deadline: float | None = None,
    workers: int | None = None,
) -> Generator[tuple[str, Grade], None, None]:
    """Grade keyed items in worker processes, in their order; grades among them pass through.

    `verifiers` are those that occur in `work`; `folder` is the recipe's, where modules named by `module:function` are
    looked for first; `limit` is in processor seconds per item, `deadline` in seconds by the clock, by default the
    longest of the verifiers. An item that takes longer is `ungradable`: its worker is ended and replaced. Raises
    ExternalError if no worker starts, and InputError if a module that the recipe names is missing.
    """
    names = [name for name in sorted(set(verifiers)) if is_known(name) and verifier(name).needs_worker]
    modules = [module for name in names for module in verifier(name).modules]
    if deadline is None:
        deadline = max([Verifier.deadline, *(verifier(name).deadline for name in names)])
    sent = deque[Keyed]()

    def items() -> Iterator[Item | Given]:
        for key, item in work:
            sent.append((key, item))
            yield Given(item) if isinstance(item, Grade) else item

    start = partial(_start_worker, names, folder, sources_of(names, folder))
    outcomes = bounded(_grade, items(), limit=limit, deadline=deadline, workers=workers, start=start, preload=modules)
    try:
        for outcome in outcomes:
            key, item = sent.popleft()
            yield key, _lost(item, outcome, limit, deadline) if isinstance(outcome, Lost) else outcome
    finally:
        outcomes.close()


def _lost(item: Item | Grade, lost: Lost, limit: float, deadline: float) -> Grade:
    if lost.why != "death":
        seconds = limit if lost.why == "time" else deadline
        return ungradable(f"grading took more than {seconds:g} s", item.answer)
    code = lost.exit_code
    how = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit code {code})"
    return ungradable(f"grading ended its process{how}", item.answer)


# In the worker


def _start_worker(verifiers: list[str], folder: Path, sources: dict[str, str | None]) -> None:
    check_sources(sources, folder)
    for name in sorted(verifiers, key=is_user_object):  # the recipe's folder last: no library comes from there
        verifier(name).start_worker(folder)
    limit_memory(MEMORY_LIMIT)


def _grade(item: Item) -> Grade:
    try:
        return grade(item)
    except MemoryError:
        return ungradable(f"grading took more than {MEMORY_LIMIT >> 30} GiB of memory", item.answer)
    except BaseException as error:  # whatever a verifier raises, SystemExit too, ends with this trace
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return ungradable(f"the grader failed ({said})"[:200], item.answer)
