"""Quotas against a search through every possible mix, and their evenness."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infogap.balance.axes import Axis, Counts
from infogap.balance.integer_program import IntegerProgram
from infogap.balance.quotas import Quotas
from infogap.balance.task_flow import Spread, Supply

SHARES: dict[int, list[tuple[float, ...]]] = {
    1: [(1.0,)],
    2: [(0.5, 0.5), (0.75, 0.25), (0.9, 0.1)],
    3: [(1 / 3, 1 / 3, 1 / 3), (0.5, 0.3, 0.2)],
}


@dataclass(frozen=True)
class Case:
    """Traces as (value on each axis..., task)."""

    axes: tuple[Axis, ...]
    traces: list[tuple[int, ...]]
    cap: int | None

    def supply(self) -> Supply:
        values = sorted({trace[:-1] for trace in self.traces})
        tasks = sorted({trace[-1] for trace in self.traces})
        candidates = pl.DataFrame(
            {
                "cell": [values.index(trace[:-1]) for trace in self.traces],
                "task": [tasks.index(trace[-1]) for trace in self.traces],
            }
        )
        members = [np.array([value[axis] for value in values]) for axis in range(len(self.axes))]
        return Supply.of(candidates, members, len(values), self.cap)

    def reachable(self) -> set[tuple[tuple[int, ...], ...]]:
        """The totals per value of each axis of every choice of traces that keeps the cap."""
        found = set()
        for choice in product((False, True), repeat=len(self.traces)):
            chosen = [trace for trace, taken in zip(self.traces, choice, strict=True) if taken]
            tasks = [trace[-1] for trace in chosen]
            if self.cap is None or all(tasks.count(task) <= self.cap for task in tasks):
                found.add(
                    tuple(
                        tuple(sum(trace[index] == value for trace in chosen) for value in range(len(axis.values)))
                        for index, axis in enumerate(self.axes)
                    )
                )
        return found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    widths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    axes = tuple(
        Axis(f"axis{n}", tuple("abc"[:width]), draw(st.sampled_from(SHARES[width]))) for n, width in enumerate(widths)
    )
    trace = st.tuples(*(st.integers(0, width - 1) for width in widths), st.integers(0, 2))
    traces = draw(st.lists(trace, min_size=1, max_size=8))
    if draw(st.booleans()):  # the first axis is a property of the task
        traces = [(trace[-1] % widths[0], *trace[1:]) for trace in traces]
    return Case(axes, traces, draw(st.sampled_from([None, 1, 2, 3])))


def as_key(targets: list[Counts]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(target.tolist()) for target in targets)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_the_closest_mix_and_the_largest_size_are_those_of_an_exhaustive_search(case: Case) -> None:
    quotas, reachable = Quotas(case.axes, case.supply()), case.reachable()
    for size in range(1, len(case.traces) + 2):
        targets = quotas.targets(size)
        within = [
            sum(mix[0])
            for mix in reachable
            if all(
                got <= target
                for axis, wanted in zip(mix, targets, strict=True)
                for got, target in zip(axis, wanted.tolist(), strict=True)
            )
        ]
        assert quotas.within(size).sum() == max(within)
        exactly = quotas.exactly(size)
        assert (exactly is not None) == (as_key(targets) in reachable)
        assert exactly is None or exactly.sum() == size
        total = min(size, max(sum(mix[0]) for mix in reachable))
        closest = quotas.closest(size, quotas.within(size))
        assert closest.counts.sum() == total
        assert closest.deviation == closest.at_least
        assert closest.deviation == min(
            sum(
                abs(got - want)
                for axis, wanted in zip(mix, targets, strict=True)
                for got, want in zip(axis, wanted.tolist(), strict=True)
            )
            for mix in reachable
            if sum(mix[0]) == total
        )
    feasible = [size for size in range(1, len(case.traces) + 1) if as_key(quotas.targets(size)) in reachable]
    assert quotas.largest(len(case.traces)) == max(feasible, default=0)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 8))
def test_quotas_can_be_had_and_are_spread_under_the_cap(case: Case, size: int) -> None:
    supply = case.supply()
    counts = Quotas(case.axes, supply).within(size)
    taken = Spread(supply).of(counts)
    assert (taken >= 0).all()
    assert (taken <= supply.count).all()
    assert np.array_equal(np.bincount(supply.cell, weights=taken, minlength=supply.cells), counts)
    per_task = np.bincount(supply.task, weights=taken, minlength=supply.tasks)
    assert case.cap is None or (per_task <= case.cap).all()


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 8))
def test_no_other_choice_covers_more_tasks(case: Case, size: int) -> None:
    supply = case.supply()
    counts = Quotas(case.axes, supply).within(size)
    taken = Spread(supply).of(counts)
    covered = len(set(supply.task[taken > 0].tolist()))
    options = product(*(range(count + 1) for count in supply.count.tolist()))
    best = max(
        len(set(supply.task[np.array(option) > 0].tolist()))
        for option in options
        if np.array_equal(np.bincount(supply.cell, weights=option, minlength=supply.cells), counts)
    )
    assert covered == best


def plenty(*widths: int, each: int) -> Case:
    """Every combination of values, `each` times, every trace of a task of its own."""
    axes = tuple(Axis(f"axis{n}", tuple("abcd"[:width]), (1 / width,) * width) for n, width in enumerate(widths))
    cells = list(product(*(range(width) for width in widths)))
    return Case(axes, [(*cell, n) for n, cell in enumerate(cells * each)], None)


def test_with_enough_of_everything_each_cell_has_the_product_of_the_shares() -> None:
    case = plenty(2, 3, 2, each=40)
    assert Quotas(case.axes, case.supply()).within(120).tolist() == [10] * 12


def test_what_a_scarce_cell_lacks_is_shared_by_the_cells_that_can_make_up_for_it() -> None:
    case = plenty(2, 4, each=50)
    scarce = Case(case.axes, [trace for trace in case.traces if trace[:2] != (0, 0) or trace[2] < 32], None)
    counts = Quotas(scarce.axes, scarce.supply()).within(160).reshape(2, 4)
    assert counts[0, 0] == 4
    assert counts.sum(axis=0).tolist() == [40] * 4
    assert counts.sum(axis=1).tolist() == [80] * 2
    assert counts[0, 1:].max() - counts[0, 1:].min() <= 2  # not all 16 in one of the three


def test_the_cap_counts_across_cells() -> None:
    """Two tasks with traces in both cells, capped at one: two traces in all, though each cell alone could give two."""
    axes = (Axis("verdict", ("correct", "wrong"), (0.5, 0.5)),)
    case = Case(axes, [(value, task) for value in (0, 1) for task in (0, 1)], 1)
    quotas = Quotas(axes, case.supply())
    assert quotas.largest(4) == 2
    assert quotas.within(4).sum() == 2


def test_tasks_get_a_second_trace_only_when_all_have_one() -> None:
    case = Case((), [(task,) for task in (0, 0, 0, 0, 1, 1, 2)], None)
    assert Spread(case.supply()).of(np.array([3])).tolist() == [1, 1, 1]
    assert Spread(case.supply()).of(np.array([5])).tolist() == [2, 2, 1]
    assert Spread(case.supply()).of(np.array([6])).tolist() == [3, 2, 1]


def test_many_types_whose_tasks_are_capped_tightly_are_solved_in_a_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five axes, a few hundred types and two traces of a task: one cut at a time, the search did not end."""
    rng = np.random.default_rng(0)
    tasks, per_task, values = 100, 10, (4, 4, 4, 5)
    task = np.repeat(np.arange(tasks), per_task)
    frame = pl.DataFrame(
        {"family": (rng.zipf(1.5, tasks) % 20)[task]}
        | {f"axis{place}": rng.zipf(1.6, len(task)) % count for place, count in enumerate(values)}
        | {"task": task}
    ).cast(pl.Int64)
    names = frame.columns[:-1]
    cells = frame.select(names).unique().sort(names).with_row_index("cell").cast({"cell": pl.Int64})
    counts = [int(frame[name].max()) + 1 for name in names]  # type: ignore[arg-type]
    axes = tuple(
        Axis(name, tuple(f"{value:02d}" for value in range(count)), (1 / count,) * count)
        for name, count in zip(names, counts, strict=True)
    )
    candidates = frame.join(cells, on=names, how="left", maintain_order="left")
    supply = Supply.of(candidates, [cells[name].to_numpy() for name in names], cells.height, 2)
    solved = 0
    solve = IntegerProgram.solve

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal solved
        solved += 1
        return solve(*args, **options)

    monkeypatch.setattr(IntegerProgram, "solve", counted)
    quotas = Quotas(axes, supply)
    within = quotas.within(50)
    closest = quotas.closest(50, quotas.within(50))
    assert solved < 20
    assert closest.counts.sum() == 50
    assert closest.at_least == closest.deviation
    for axis, members, targets in zip(axes, supply.members, quotas.targets(50), strict=True):
        assert (np.bincount(members, weights=within, minlength=len(axis.values)) <= targets).all()
    for counted_ in (within, closest.counts):
        assert Spread(supply).of(counted_).sum() == counted_.sum()
