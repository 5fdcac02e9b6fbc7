"""How many more samples are asked of which cells: enough, bounded, evenly spread, and in no order but the drawn one."""

from __future__ import annotations

from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from infogap.balance.lacking import Lack
from infogap.balance.samples_to_request import MixLack, samples_to_request
from infogap.recipe.balance_section import MOST_PER_TRACE

SCHEMA = {
    "trace_id": pl.String,
    "task_id": pl.String,
    "family": pl.String,
    "privilege": pl.String,
    "teacher": pl.String,
    "verdict": pl.String,
    "reason": pl.String,
    "selected": pl.Boolean,
}


def pool(*traces: dict[str, Any]) -> pl.DataFrame:
    usual = {"family": "f", "privilege": "unguided", "teacher": "m", "verdict": "correct", "selected": False}
    return pl.DataFrame([{"trace_id": str(n), **usual, **each} for n, each in enumerate(traces)], schema=SCHEMA)


def correct(traces: int, privilege: str | None = "unguided", **values: str) -> Lack:
    return Lack(traces, {"verdict": "correct", **values}, privilege, None)


def test_as_many_as_are_expected_to_give_what_lacks() -> None:
    traces = pool(*({"task_id": f"t{n}", "verdict": "correct" if n % 4 == 0 else "wrong"} for n in range(8)))
    samples = samples_to_request(MixLack("mix", traces, [correct(6)]), seed=1, max_attempts=None)
    assert sum(samples.values()) == 24  # one in four is right
    assert set(samples.values()) == {3}


def test_outcomes_of_the_same_requests_are_not_paid_twice() -> None:
    traces = pool(*({"task_id": f"t{n}", "verdict": ("correct", "wrong")[n % 2]} for n in range(8)))
    lacks = [correct(10), Lack(6, {"verdict": "wrong"}, "unguided", None)]
    assert sum(samples_to_request(MixLack("mix", traces, lacks), seed=1, max_attempts=None).values()) == 20


def test_only_tasks_that_can_give_it_are_asked() -> None:
    traces = pool(
        {"task_id": "right family"},
        {"task_id": "other family", "family": "g"},
        {"task_id": "other privilege", "privilege": "hint"},
        {"task_id": "contaminated", "reason": "contaminated"},
        {"task_id": "failed", "reason": "error"},
        {"task_id": "full", "selected": True},
    )
    samples = samples_to_request(MixLack("mix", traces, [correct(4, family="f")], cap=1), seed=1, max_attempts=None)
    assert samples == {("m", "unguided", "right family"): 1}


def test_a_privilege_that_the_mix_leaves_open_is_the_one_that_gives_it_most_often() -> None:
    traces = pool(
        {"task_id": "a", "reason": "leak", "privilege": "answer"},  # right, and not to be had
        {"task_id": "a", "privilege": "hint"},
        {"task_id": "a", "verdict": "wrong"},
    )
    samples = samples_to_request(MixLack("mix", traces, [correct(2, privilege=None)]), seed=1, max_attempts=None)
    assert samples == {("m", "hint", "a"): 2}


OF_TRACE = st.fixed_dictionaries(
    {
        "task_id": st.sampled_from("abcde"),
        "privilege": st.sampled_from(["unguided", "hint"]),
        "verdict": st.sampled_from(["correct", "wrong"]),
        "reason": st.sampled_from([None, None, "leak", "error", "excluded_by_where"]),
        "selected": st.booleans(),
    }
)


@given(
    st.lists(OF_TRACE, min_size=1, max_size=30),
    st.integers(1, 40),
    st.one_of(st.none(), st.integers(1, 12)),
    st.one_of(st.none(), st.integers(1, 6)),
    st.randoms(use_true_random=False),
)
def test_whatever_lacks_the_samples_are_bounded_and_follow_from_the_tables(
    traces: list[dict[str, Any]], missing: int, most: int | None, cap: int | None, shuffle: Any
) -> None:
    table = pool(*traces)
    lack = MixLack("mix", table, [correct(missing)], cap=cap)
    samples = samples_to_request(lack, seed=3, max_attempts=most)
    assert sum(samples.values()) <= MOST_PER_TRACE * missing
    have = {
        (task, privilege): count for task, privilege, count in table.group_by("task_id", "privilege").len().iter_rows()
    }
    for (_, privilege, task), count in samples.items():
        assert privilege == "unguided"
        assert most is None or count + have[task, privilege] <= most
        assert cap is None or table.filter("selected", task_id=task).height < cap
    if most is None and cap is None and samples:
        assert sum(samples.values()) >= missing
    rows = table.rows(named=True)
    shuffle.shuffle(rows)
    again = MixLack("mix", pl.DataFrame(rows, schema=SCHEMA), lack.lacks, cap=cap)
    assert samples_to_request(again, seed=3, max_attempts=most) == samples
