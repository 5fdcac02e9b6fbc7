"""Filters, counts and sorts, against the same question put to a table."""

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.view.trace_index import MISSING, NUMBERS, Facet, TraceIndex
from infogap.view.trace_query import SORTS, Query, QueryEngine

_NAMES: dict[str, list[str | None]] = {
    "privilege": ["unguided", "hint", "answer"],
    "verdict": ["correct", "wrong", None],
    "leak": ["none", "a\x1fb", "b", "c"],
}


def _index(rows: list[tuple[str, str | None, str, float | None]]) -> tuple[TraceIndex, pl.DataFrame]:
    table = pl.DataFrame(rows, schema=["privilege", "verdict", "leak", "density"], orient="row").cast(
        {"density": pl.Float64}
    )
    table = table.with_columns(pl.col("verdict").cast(pl.String), position=pl.int_range(pl.len()))
    facets = {
        name: Facet.of(
            table[name] if name in _NAMES else pl.Series([None] * table.height, dtype=pl.String),
            missing,
            several=name == "leak",
        )
        for name, missing in MISSING.items()
    }
    nothing = np.full(table.height, np.nan)
    numbers = {name: table["density"].to_numpy() if name == "density" else nothing for name in NUMBERS}
    zeros = np.zeros(table.height, np.int32)
    ids = table["position"].cast(pl.String)
    tasks = pl.DataFrame({"task_id": ["t"], "family": ["f"], "difficulty": [None], "source": ["s"], "snippet": ["q"]})
    numbered = zeros.astype(np.uint32)
    return TraceIndex(ids, numbered, numbered, zeros, zeros, facets, numbers, tasks), table


_ROWS = st.lists(
    st.tuples(*(st.sampled_from(values) for values in _NAMES.values()), st.none() | st.integers(0, 5).map(float)),
    min_size=1,
    max_size=30,
)


@given(rows=_ROWS, data=st.data())
def test_a_query_finds_what_a_table_would(
    rows: list[tuple[str, str | None, str, float | None]], data: st.DataObject
) -> None:
    index, table = _index(rows)
    low, high = data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5)))
    wanted = data.draw(st.lists(st.sampled_from(index.facets["leak"].values), unique=True, max_size=2))
    verdicts = data.draw(st.lists(st.sampled_from(index.facets["verdict"].values), unique=True, max_size=2))
    parameters = [*(("leak", value) for value in wanted), *(("verdict", value) for value in verdicts)]
    parameters += [("density", f"{low}..{high}")] if data.draw(st.booleans()) else []
    sort = data.draw(st.sampled_from(["task", "density", "-density", "privilege", "-verdict"]))
    matches = QueryEngine(index).matches(Query.parse([*parameters, ("sort", sort)], index))

    by_leak = (
        pl.lit(value=True)
        if not wanted
        else pl.col("leak").str.split("\x1f").list.eval(pl.element().is_in(wanted)).list.any()
    )
    by_verdict = pl.lit(value=True) if not verdicts else pl.col("verdict").fill_null("not verified").is_in(verdicts)
    by_density = (
        pl.col("density").is_between(low, high) if len(parameters) > len(wanted) + len(verdicts) else pl.lit(value=True)
    )
    assert sorted(matches.positions) == table.filter(by_leak, by_verdict, by_density)["position"].to_list()

    others = table.filter(by_verdict, by_density)["leak"].str.split("\x1f").explode(empty_as_null=True, keep_nulls=True)
    expected = [int((others == value).sum()) for value in index.facets["leak"].values]
    assert matches.counts["leak"] == expected

    if sort.lstrip("-") == "density":
        numbers = index.numbers["density"][matches.positions]
        known = numbers[~np.isnan(numbers)].tolist()
        assert known == sorted(known, reverse=sort.startswith("-"))
        assert np.isnan(numbers[len(known) :]).all()


def test_all_that_is_shown_can_be_sorted_by() -> None:
    index, _ = _index([("hint", "correct", "none", 1.0), ("unguided", None, "b", None)])
    for sort in SORTS:
        for sign in ("", "-"):
            matches = QueryEngine(index).matches(Query.parse([("sort", sign + sort)], index))
            assert sorted(matches.positions) == [0, 1]


def test_ranges_are_open_where_an_end_is_left_out() -> None:
    index, _ = _index([("hint", "correct", "none", 1.0)])
    assert Query.parse([("density", "..5")], index).ranges == {"density": (-math.inf, 5)}
    assert Query.parse([("density", "2.5..")], index).ranges == {"density": (2.5, math.inf)}


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        (("verdict", "corect"), "did you mean 'correct'"),
        (("privelege", "hint"), "cannot be filtered by 'privelege'.*'privilege'"),
        (("density", "5"), "is filtered by a range"),
        (("density", "nan..1"), "is filtered by a range"),
        (("sort", "trace"), "cannot be sorted by 'trace'"),
        (("task", "t9"), "no task 't9'"),
    ],
)
def test_what_is_not_known_is_refused(parameter: tuple[str, str], expected: str) -> None:
    index, _ = _index([("hint", "correct", "none", 1.0)])
    with pytest.raises(InputError, match=expected):
        Query.parse([parameter], index)
