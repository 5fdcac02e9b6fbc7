"""Budgets: what is in flight counts, at its mean for live requests and at its most for batches."""

from hypothesis import given
from hypothesis import strategies as st

from infogap.runs.budget import Budget


def test_without_limits_everything_may_be_sent() -> None:
    spending = Budget().spending
    assert all(spending.request() for _ in range(3))
    assert spending.reserve(10**9) is None
    assert spending.spent is None


def test_requests_in_batches_and_live_ones_share_a_budget() -> None:
    spending = Budget(requests=3).spending
    assert spending.request()
    assert spending.reserve(100) is None
    spending.in_flight_before(1, 100)
    assert spending.reserve(100) == "the budget of 3 requests"
    assert not spending.request()
    spending.take_back(1, 100)
    assert spending.request()


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1))), st.integers(0, 500))
def test_a_budget_of_tokens_is_never_exceeded_by_batches(requests: list[tuple[int, float]], limit: int) -> None:
    spending, spent = Budget(tokens=limit).spending, 0
    in_flight: list[tuple[int, int]] = []
    for most, share in requests:
        refused = spending.reserve(most)
        if refused is None:
            in_flight.append((most, int(most * share)))
        elif in_flight:
            reserved, cost = in_flight.pop()
            spending.release(1, reserved, cost)
            spent += cost
        else:
            assert spent + most > limit
    assert spent + sum(most for most, _ in in_flight) <= limit
