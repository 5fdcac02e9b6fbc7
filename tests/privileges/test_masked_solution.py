"""A masked solution shows the plan and no value."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.privileges.masked_solution import masked


@pytest.mark.parametrize(
    ("solution", "answer", "expected"),
    [
        ("Add 3 and 4.5 to get 7.5.", "7.5", "Add □ and □ to get □."),
        (r"We have $x^2 + 5x = 6$, so \boxed{x = 1}.", "1", r"We have $x^2 + □x = □$, so \boxed{□}."),
        (r"Then $\frac{12}{7} = a_1$.", r"\frac{12}{7}", r"Then $□ = a_1$."),
        (r"Half is $\frac{1}{2}$.", "0.5", r"Half is $\frac{□}{□}$."),
        (r"So \boxed{\text{the \boxed{5} one}} it is", None, r"So \boxed{□} it is"),
        ("The cat is the answer: Cat, not cats.", "cat", "The □ is the answer: □, not cats."),
        (r"Evelyn's is \boxed{\text{Evelyn}}.", r"\text{Evelyn}", r"□'s is \boxed{□}."),
        ("1,234 people and 10% more", "5", "□ people and □% more"),
        (r"$1{,}234 + 5,\!678$ at $(9,12)$, 3, 4.", "5", "$□ + □$ at $(□,□)$, □, □."),
        (r"unclosed \boxed{7", "7", r"unclosed \boxed{□}"),
        (r"$3\times4=12$, $\sqrt3$", "12", r"$□\times□=□$, $\sqrt□$"),
        (r"Half is $\frac12$, a third $\frac13$.", r"\frac{1}{2}", r"Half is $□$, a third $\frac{□}{□}$."),
        (r"Half is $\dfrac{1} 2$.", r"\frac12", "Half is $□$."),
        (r"It is $\tfrac\pi2$, not $\frac ab$.", r"\frac{\pi}{2}", r"It is $□$, not $\frac{a}{b}$."),
        (r"$\frac{\frac12}{x-\frac14}$", "2", r"$\frac{\frac{□}{□}}{x-\frac{□}{□}}$"),
        ("Twelve of the twenty-one are left; two hundred and five are not.", "12", "□ of the □ are left; □ are not."),
        ("One of them has one.", "5", "One of them has one."),
        ("There is only one, at zero.", "1", "There is only □, at zero."),
        (r"$x^2 - 9x^2 - (-4) = -4$ is -4, x -4", "2", r"$x^2 - □x^2 - (□) = □$ is □, x -□"),
        (r"$2^5 = x^5$, $f^{-1}(2) = 10^{3}$, $8_{10}$", "5", r"$□^□ = x^5$, $f^{-1}(□) = □^{□}$, $□_{□}$"),
        ("The sum.\n[asy]\ndraw((0,1)--(2,3));\n[/asy]\nSo", "5", "The sum.\n[asy]□[/asy]\nSo"),
        (r"$x = 3 \sqrt{ 2 }$", r"3\sqrt{2}", "$x = □$"),
    ],
)
def test_values_go_and_formulas_stay_readable(solution: str, answer: str | None, expected: str) -> None:
    assert masked(solution, answer) == expected


TEX = st.lists(st.sampled_from([*"ab 12.,+-*/=^_{}\\$", r"\frac", r"\times", r"\sqrt", "{1}", r"\boxed{"]), max_size=40)


@given(TEX.map("".join), st.one_of(st.none(), st.text("ab12", min_size=1, max_size=4)))
def test_no_number_is_left_but_exponents_and_indices(solution: str, answer: str | None) -> None:
    left = re.sub(r"[\^_](\d(?!\d)|\{-?\d\})|\\[A-Za-z]+", "", masked(solution, answer))
    assert not re.search(r"\d", left)


@given(st.from_regex(r"[a-z]{2,6}", fullmatch=True))
def test_the_answer_is_nowhere(answer: str) -> None:
    text = masked(f"It is {answer}. Indeed, {answer}!", answer)
    assert not re.search(rf"\b{answer}\b", text)


@given(st.integers(0, 999_999), st.integers(0, 9))
def test_a_number_is_blanked_out_whatever_stands_around_it(number: int, exponent: int) -> None:
    text = masked(f"It is {number:,}, {number}. We have $x^{exponent}={number}$, (y,{number}), {number}%.", str(number))
    assert text == f"It is □, □. We have $x^{exponent}=□$, (y,□), □%."
