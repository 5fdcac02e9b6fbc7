"""Decoys are wrong, of the same form, and the same for the same seed."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.privilege.decoys import Decoys


def task(number: int, answer: str, **changes: Any) -> dict[str, Any]:
    return {
        "task_id": f"t{number}",
        "family": "f",
        "question": f"Question {number}?",
        "answer": answer,
        "solution": f"Solution {number}.",
        "verifier": "math",
    } | changes


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=12), st.randoms())
def test_a_decoy_answer_is_wrong_and_independent_of_order(answers: list[int], random: Any) -> None:
    tasks = [task(number, str(answer)) for number, answer in enumerate(answers)]
    shuffled = list(tasks)
    random.shuffle(shuffled)
    one, other = Decoys(1, tasks), Decoys(1, shuffled)
    for each in tasks:
        decoy = one.answer(each)
        assert decoy is not None
        assert int(decoy) != int(each["answer"])
        assert other.answer(each) == decoy
        assert other.solution(each) == one.solution(each)


def test_equal_values_in_other_words_are_no_decoys() -> None:
    tasks = [task(0, "1/2"), task(1, "2/4"), task(2, "3/4")]
    assert Decoys(1, tasks).answer(tasks[0]) == "3/4"


def test_a_number_that_would_fill_the_memory_is_not_computed() -> None:
    tasks = [task(0, "1e999999999"), task(1, "2e999999999"), task(2, "1/0")]
    assert Decoys(1, tasks).answer(tasks[0]) == "2e999999999"


def test_the_form_is_kept() -> None:
    tasks = [task(0, r"\frac{1}{2}"), task(1, "7"), task(2, r"\frac{3}{7}"), task(3, "x^2")]
    assert Decoys(1, tasks).answer(tasks[0]) == r"\frac{3}{7}"
    assert Decoys(1, tasks).answer(tasks[3]) is None


@pytest.mark.parametrize(("gold", "decimals"), [("12", 0), ("3.50", 2), ("-7", 0)])
def test_a_lone_number_is_moved_a_little(gold: str, decimals: int) -> None:
    decoy = Decoys(1, [task(0, gold)]).answer(task(0, gold))
    assert decoy is not None
    assert len(decoy.partition(".")[2]) == decimals
    assert 0 < abs(float(decoy) - float(gold)) <= max(1, abs(float(gold)) / 5)


@given(st.integers(), st.integers(0, 30))
def test_a_lone_number_of_any_length_is_changed_in_its_last_places(units: int, decimals: int) -> None:
    gold = f"{Decimal(f'{units}E-{decimals}'):f}"
    decoy = Decoys(1, [task(0, gold)]).answer(task(0, gold))
    assert decoy is not None
    assert len(decoy.partition(".")[2]) == decimals
    assert 0 < (Fraction(decoy) - Fraction(gold)) * 10**decimals <= 20


def test_a_number_longer_than_a_float_is_changed() -> None:
    gold = "100000000000000000000"
    decoy = Decoys(1, [task(0, gold)]).answer(task(0, gold))
    assert decoy is not None
    assert decoy.startswith("1000000000000000000")
    assert decoy != gold


def test_a_choice_gets_another_letter() -> None:
    question = "Which one?\nA: red\nB: green\nC: blue"
    each = task(0, "B", question=question, verifier="choice")
    assert Decoys(1, [each]).answer(each) in {"A", "C"}


def test_a_decoy_solution_is_anothers_with_another_answer() -> None:
    tasks = [task(0, "4"), task(1, "4"), task(2, "9"), task(3, "5", family="g")]
    decoys = Decoys(1, tasks)
    assert decoys.solution(tasks[0]) == "Solution 2."
    assert decoys.solution(tasks[3]) is None
