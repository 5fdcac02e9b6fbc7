"""Several contexts at work: every item once, prompts kept together, a clean end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.parallel.threads import threads_as_finished

Item = tuple[str, int]  # its prompt, its number


def prompt_of(item: Item) -> str:
    return item[0]


def same(_context: int, item: Item, _stop: threading.Event) -> Item:
    return item


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 4), st.lists(st.sampled_from("abc"), max_size=20))
def test_every_item_is_worked_on_once(contexts: int, prompts: list[str]) -> None:
    items = [(prompt, number) for number, prompt in enumerate(prompts)]
    assert sorted(threads_as_finished(range(contexts), items, prompt_of, same)) == sorted(items)


def test_contexts_work_at_the_same_time() -> None:
    together = threading.Barrier(3, timeout=10)

    def meet(_context: int, item: Item, _stop: threading.Event) -> Item:
        together.wait()
        return item

    assert len(list(threads_as_finished(range(3), [("a", 1), ("a", 2), ("a", 3)], prompt_of, meet))) == 3


def test_samples_of_a_prompt_stay_with_the_context_that_has_read_it() -> None:
    seen: dict[str, set[int]] = {}

    def note(context: int, item: Item, _stop: threading.Event) -> Item:
        time.sleep(0.01)
        seen.setdefault(item[0], set()).add(context)
        return item

    items = [(prompt, sample) for prompt in "abcdef" for sample in range(2)]
    list(threads_as_finished(range(2), items, prompt_of, note))
    assert [len(contexts) for contexts in seen.values()] == [1] * 6


def test_items_are_read_only_as_fast_as_they_are_worked_on() -> None:
    taken: list[int] = []

    def source() -> Iterator[Item]:
        for number in range(100):
            taken.append(number)
            yield "a", number

    working = threads_as_finished(range(2), source(), prompt_of, same)
    next(working)
    assert len(taken) <= 6  # one yielded, its place and the other one's filled again, one ahead for each
    working.close()


@pytest.mark.parametrize("where", ["work", "items"])
def test_what_has_finished_comes_before_an_error(where: str) -> None:
    def source() -> Iterator[Item]:
        yield "a", 1
        yield "b", 2
        if where == "items":
            raise ValueError("no more")
        yield "c", 3

    def fail_at_three(_context: int, item: Item, _stop: threading.Event) -> Item:
        if item[1] == 3:
            raise ValueError("no more")
        return item

    done = []
    with pytest.raises(ValueError, match="no more"):
        for item in threads_as_finished([0], source(), prompt_of, fail_at_three):
            done.append(item[1])
    assert done[:1] == [1]


def test_work_is_told_to_stop_and_has_stopped_when_the_iteration_is_closed() -> None:
    begun, stopped = threading.Event(), threading.Event()

    def work(_context: int, item: Item, stop: threading.Event) -> Item:
        if item[1]:
            begun.set()
            assert stop.wait(timeout=10)
            stopped.set()
        assert begun.wait(timeout=10)
        return item

    working = threads_as_finished(range(2), [("a", 0), ("b", 1)], prompt_of, work)
    assert next(working) == ("a", 0)
    working.close()
    assert stopped.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("infogap-context")]
