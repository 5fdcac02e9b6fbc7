"""Equations that only name the quantity that the question asks for, and equations that say more."""

from __future__ import annotations

import pytest

from infogap.verify.base import Item
from infogap.verify.verifiers import grade

NAMED = [
    ("f(2)=3", "3", "Find $f(2)$."),
    ("3", "f(2)=3", "Find $f(2)$."),
    (r"f\left(\frac12\right) = 3", "3", r"Find $f(\frac{1}{2})$."),
    ("AB=5", "5", "Find the length $AB$."),
    ("5", "AB = 5", "Find the length AB."),
    (r"\overline{AB}=5", "5", r"Find $\overline{AB}$."),
    (r"m\angle A = 30^\circ", "30", r"Find $m\angle A$."),
    (r"\angle ABC = 30^\circ", r"30^\circ", r"Find $\angle ABC$."),
    (r"\cos A=\frac12", "0.5", r"Find $\cos A$."),
    ("E[X]=3", "3", "Find $E[X]$."),
    (r"P(X=2)=\frac14", r"\frac14", "Find $P(X=2)$."),
    (r"\frac{dy}{dx}=2x", "2x", r"Find $\frac{dy}{dx}$."),
    (r"\text{Area}=12\pi", r"12\pi", "?"),
]
EQUATIONS = [
    ("x^2+y^2=4", "4", "The circle $x^2+y^2=1$ is enlarged. Give its equation."),
    ("xy=4", "4", "The curve $xy=1$ is moved. Give its equation."),
    ("f(2)=3", "3", "Which value of $f$ is stated?"),
    ("f(2)=3", "f(2)", "Find $f(2)$."),
    ("f(2)=3", "f(3)=3", "Find $f(2)$ and $f(3)$."),
    ("f(2)=3, f(3)=4", "3", "Find $f(2)$."),
    ("AB=5", "6", "Find $AB$."),
    ("AB=5", "BC=5", "Find $AB$ in terms of $BC$."),
]


@pytest.mark.parametrize(("gold", "answer", "question"), NAMED)
def test_the_value_of_the_named_quantity_is_the_answer(gold: str, answer: str, question: str) -> None:
    assert grade(Item("math", question, gold, None, answer)).verdict == "correct"


@pytest.mark.parametrize(("gold", "answer", "question"), EQUATIONS)
def test_a_side_of_another_equation_is_not(gold: str, answer: str, question: str) -> None:
    assert grade(Item("math", question, gold, None, answer)).verdict == "wrong"
