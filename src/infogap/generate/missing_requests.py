"""The requests of a round that are not on disk, after storing the answers that the cache has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from infogap.generate.answer_rows import place_of
from infogap.generate.request_plan import Planned, SettledPlan
from infogap.generate.trace_store import TraceStore
from infogap.progress import Advance


def missing_requests(plan: SettledPlan, number: int, store: TraceStore, advance: Advance) -> Iterator[Planned]:
    """Yield the requests of the plan's teacher `number` that neither the store nor its cache can answer.

    Answers of the cache are stored on the way; `advance` counts them.
    """
    with_tokens = plan.keeps_tokens and plan.teachers[number].teacher.with_tokens
    for block_number, block in groupby(plan.requests_of(number), key=lambda planned: store.block_of(planned.index)):
        if store.is_whole(block_number):
            continue
        missing = [planned for planned in block if not store.has(planned.index)]
        cached = store.cached((planned.request.request_id for planned in missing), with_tokens=with_tokens)
        for planned in missing:
            earlier = cached.get(planned.request.request_id)
            if earlier is None:
                yield planned
            else:
                store.add(planned.index, earlier | place_of(planned))
                advance(1)


def no_progress(_count: int = 1, **_more: int) -> None:
    """Count nothing."""
