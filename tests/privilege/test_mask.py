"""A masked solution shows the plan and no value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.privilege.mask import masked


@pytest.mark.parametrize(
    ("solution", "answer", "expected"),
    [
        ("Add 3 and 4.5 to get 7.5.", "7.5", "Add ___ and ___ to get ___."),
        (r"We have $x^2 + 5x = 6$, so \boxed{x = 1}.", "1", r"We have $x^2 + ___x = ___$, so \boxed{___}."),
        (r"Then $\frac{12}{7} = a_1$.", r"\frac{12}{7}", r"Then $___ = a_1$."),
        (r"Half is $\frac{1}{2}$.", "0.5", r"Half is $\frac{___}{___}$."),
        (r"So \boxed{\text{the \boxed{5} one}} it is", None, r"So \boxed{___} it is"),
        ("The cat is the answer: cat, not cats.", "cat", "The ___ is the answer: ___, not cats."),
        ("1,234 people and 10% more", "5", "___ people and ___ more"),
        (r"unclosed \boxed{7", "7", r"unclosed \boxed{___}"),
        (r"$3\times4=12$, $\sqrt3$", "12", r"$___\times___=___$, $\sqrt___$"),
        (r"Half is $\frac12$, a third $\frac13$.", r"\frac{1}{2}", r"Half is $___$, a third $\frac{___}{___}$."),
        (r"Half is $\dfrac{1} 2$.", r"\frac12", "Half is $___$."),
        (r"It is $\tfrac\pi2$, not $\frac ab$.", r"\frac{\pi}{2}", r"It is $___$, not $\frac{a}{b}$."),
        ("Twelve of twelve eggs are 12.", "12", "Twelve of twelve eggs are ___."),
    ],
)
def test_values_go_and_formulas_stay_readable(solution: str, answer: str | None, expected: str) -> None:
    assert masked(solution, answer) == expected


TEX = st.lists(st.sampled_from([*"ab 12.,+-*/=^_{}\\$", r"\frac", r"\times", r"\sqrt", "{1}", r"\boxed{"]), max_size=40)


@given(TEX.map("".join), st.one_of(st.none(), st.text("ab12", min_size=1, max_size=4)))
def test_no_number_is_left_but_exponents_and_indices(solution: str, answer: str | None) -> None:
    left = re.sub(r"[\^_](\d(?!\d)|\{\d\})|\\[A-Za-z]+", "", masked(solution, answer))
    assert not re.search(r"\d", left)


@given(st.from_regex(r"[a-z]{2,6}", fullmatch=True))
def test_the_answer_is_nowhere(answer: str) -> None:
    text = masked(f"It is {answer}. Indeed, {answer}!", answer)
    assert not re.search(rf"\b{answer}\b", text)
