"""Decoys are wrong by the verifier, of the same form, and the same for the same seed."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.privileges.decoys import Decoys
from infogap.privileges.wrong_answers import form
from infogap.recipe.sources import GymTasks
from infogap.tasks.gather_tasks import gym_tasks
from infogap.verify.base import Item
from infogap.verify.verifiers import grade


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
    tasks = [task(0, "1e999999999", verifier="exact"), task(1, "2e999999999", verifier="exact"), task(2, "1/0")]
    assert Decoys(1, tasks).answer(tasks[0]) == "2e999999999"


def test_the_form_is_kept() -> None:
    tasks = [task(0, r"\frac{1}{2}"), task(1, "7"), task(2, r"\frac37"), task(3, "120"), task(4, "8")]
    decoys = Decoys(1, tasks)
    assert decoys.answer(tasks[0]) == r"\frac37"
    assert decoys.answer(tasks[1]) == "8"
    assert decoys.answer(tasks[3]) in {str(number) for number in range(121, 141)}


LATEX = [
    r"\left( 3, \frac{\pi}{2} \right)",
    r"(-\infty, 2) \cup (3, \infty)",
    r"(-\infty, \infty)",
    r"[-2,7]",
    r"\{1\pm\sqrt{5},-2\}",
    r"\begin{pmatrix} 1/5 \\ -18/5 \end{pmatrix}",
    r"x^8 + x^2 + 1",
    r"5r^5",
    "p - q",
    r"\cot x",
    r"\pi",
    "x = 5",
    r"\frac59",
    r"864 \mbox{ inches}^2",
    r"10,\!080",
    "4210_{5}",
    r"\$18.90",
    "3, 5, 7",
    "0.0000000001",
    "99",
]


def test_a_lone_answer_of_any_form_is_changed_in_one_place_and_wrong_by_the_verifier() -> None:
    tasks = [task(number, answer, family=answer) for number, answer in enumerate(LATEX)]
    decoys = Decoys(1, tasks)
    for each in tasks:
        decoy = decoys.answer(each)
        assert decoy is not None
        assert grade(Item("math", each["question"], each["answer"], None, decoy)).verdict == "wrong"
        left = "".join(re.findall(r"[^\W\d]{3,}", each["answer"]))
        assert left in "".join(re.findall(r"[^\W\d]{3,}", decoy)) or each["answer"] in (r"\cot x", LATEX[2])


@pytest.mark.parametrize(
    ("gold", "question", "among"),
    [
        (r"\text{even}", "Is it even?", {r"\text{odd}"}),
        ("True", "Is it so?", {"False"}),
        (r"\text{Evelyn}", "Was it Evelyn, or Briana, or Carla? Say who.", {r"\text{Briana}", r"\text{Carla}"}),
        (r"\text{(C)}", "Which?\n(A) one\n(B) two\n(C) three", {r"\text{(A)}", r"\text{(B)}"}),
        (r"\text{blue}", "Which colour?", {"red"}),
    ],
)
def test_a_word_gets_its_counterpart_or_another_word(gold: str, question: str, among: set[str]) -> None:
    tasks = [task(0, gold, question=question), task(1, "red"), task(2, "7"), task(3, "Anna")]
    assert Decoys(1, tasks).answer(tasks[0]) in among


@pytest.mark.parametrize("verifier", ["math", "exact"])
def test_what_the_verifier_calls_right_is_no_decoy(verifier: str) -> None:
    tasks = [task(number, answer, verifier=verifier) for number, answer in enumerate((r"2\cdot 6", r"3\cdot 4"))]
    decoy = Decoys(1, tasks).answer(tasks[0])
    assert decoy is not None
    assert (decoy == r"3\cdot 4") is (verifier == "exact")  # as mathematics they are the same
    assert grade(Item(verifier, "", tasks[0]["answer"], None, decoy)).verdict == "wrong"


def test_an_answer_without_a_part_to_change_has_no_decoy() -> None:
    assert Decoys(1, [task(0, "blue")]).answer(task(0, "blue")) is None


def test_a_procedural_tasks_decoy_is_wrong_by_its_own_scorer() -> None:
    made = [
        each
        for name in ("chain_sum", "word_sorting", "binary_matrix")
        for each in gym_tasks(GymTasks.model_validate({"from": "reasoning_gym", "names": [name], "count": 2}), name, 1)
    ]
    tasks = [
        task(number, each.answer or "", question=each.question, family=each.family, verifier="gym")
        | {"metadata": orjson.dumps(each.metadata).decode()}
        for number, each in enumerate(made)
    ]
    decoys = Decoys(1, tasks)
    for each in tasks:
        decoy = decoys.answer(each)
        assert decoy is not None
        assert grade(Item("gym", each["question"], each["answer"], each["metadata"], decoy)).verdict == "wrong"


@pytest.mark.parametrize(("gold", "decimals"), [("12", 0), ("3.50", 2), ("-7", 0)])
def test_a_lone_number_is_moved_a_little(gold: str, decimals: int) -> None:
    decoy = Decoys(1, [task(0, gold)]).answer(task(0, gold))
    assert decoy is not None
    assert len(decoy.partition(".")[2]) == decimals
    assert 0 < abs(float(decoy) - float(gold)) <= max(1, abs(float(gold)) / 5)


@given(st.integers(), st.integers(0, 30))
def test_a_lone_number_of_any_length_is_changed_in_its_last_places(units: int, decimals: int) -> None:
    gold = f"{Decimal(f'{units}E-{decimals}'):f}"
    each = task(0, gold, verifier="exact")
    decoy = Decoys(1, [each]).answer(each)
    assert decoy is not None
    assert len(decoy.partition(".")[2]) == decimals
    assert 0 < abs(Fraction(decoy) - Fraction(gold)) * 10**decimals <= 20
    assert decoy.startswith("-") == gold.startswith("-")


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (r"\frac{1}{2}", r"\frac37", True),
        (r"\frac{1}{2}", "1/2", False),
        ("12", "47", True),
        ("12", "-47", False),
        ("12", "471", False),
        ("1.5", "2.5", True),
        (r"\left( 1, 2 \right)", "(3,40)", True),
        ("(1,2)", "(1,2]", False),
        (r"\text{even}", "odd", True),
        (r"\text{Evelyn}", "odd", False),
        (r"2\sqrt{3}", r"12 \sqrt{5}", True),
    ],
)
def test_a_form_is_what_is_left_without_the_values(one: str, other: str, alike: bool) -> None:
    assert (form(one) == form(other)) is alike


def test_a_choice_gets_another_letter() -> None:
    question = "Which one?\nA: red\nB: green\nC: blue"
    each = task(0, "B", question=question, verifier="choice")
    assert Decoys(1, [each]).answer(each) in {"A", "C"}


def test_a_decoy_solution_is_anothers_with_another_answer() -> None:
    tasks = [task(0, "4"), task(1, "4"), task(2, "9"), task(3, "5", family="g")]
    decoys = Decoys(1, tasks)
    assert decoys.solution(tasks[0]) == "Solution 2."
    assert decoys.solution(tasks[3]) is None
