"""Entropy over the most likely outcomes, the rest counted as one more."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.teachers.logprobs import entropies, entropy


def test_outcomes_that_are_all_there_is() -> None:
    assert entropy([math.log(0.5), math.log(0.5)]) == pytest.approx(math.log(2))
    assert entropy([0.0]) == 0.0
    assert entropy([0.0, -math.inf]) == 0.0


def test_the_rest_is_one_more_outcome() -> None:
    assert entropy([math.log(0.25)]) == pytest.approx(-(0.25 * math.log(0.25) + 0.75 * math.log(0.75)))


def test_rounding_above_one_is_no_error() -> None:
    assert entropy([1e-7]) == pytest.approx(0, abs=1e-6)


def test_many_tokens_at_once() -> None:
    rows = np.log([[0.5, 0.25], [0.9, 0.05], [0.1, 0.1]])
    assert entropies(rows).tolist() == pytest.approx([entropy(row) for row in rows.tolist()])
    assert entropies(np.empty((0, 5))).tolist() == []


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=30), st.data())
def test_never_above_the_whole_entropy_and_within_the_bound(weights: list[float], data: st.DataObject) -> None:
    total = math.fsum(weights)
    logprobs = sorted((math.log(weight / total) for weight in weights), reverse=True)
    known = data.draw(st.integers(1, len(logprobs)))
    others = [math.exp(logprob) for logprob in logprobs[known:]]
    below = math.fsum(others) * math.log(len(others)) if others else 0.0
    whole = -math.fsum(math.exp(logprob) * logprob for logprob in logprobs)
    assert whole - below - 1e-9 <= entropy(logprobs[:known]) <= whole + 1e-9
