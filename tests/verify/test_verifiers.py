"""Math, choice and exact answers against gold answers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.verify.base import Item
from infogap.verify.verifiers import grade


def _item(verifier: str, gold: str | None, answer: str, question: str = "", *, stated: bool = True) -> Item:
    return Item(verifier, question, gold, None, answer, stated)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("27.0", "27"),
        ("27", "27 miles from the city"),
        ("27", r"27 \text{ miles}"),
        ("0.75", r"\frac{3}{4}"),
        ("5", "x = 5"),
        ("7, 5", "5 or 7"),
        (r"\$18.90", "18.9"),
        ("1234", "1,234"),
        (r"50\%", "0.5"),
        (r"\text{Evelyn}", "Evelyn"),
        (r"\text{Yes.}", "yes"),
        ("No solution", "no solution"),
        ("(1,2)", "（１，２）"),
        (r"90^\circ", "90 degrees"),
        (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt 2}"),
        ("x^2+2x+1", "(x+1)^2"),
        (r"\{1,2\}", r"\{2,1\}"),
        ("12", "-24/-2"),
        (r"(3,\dfrac{\pi}{2})", r"\left( 3, \frac{\pi}{2} \right)"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
        ("10{,}000", r"10\,000"),
        ("10000", r"10,\!000"),
        ("x+1", "x + 1"),
    ],
)
def test_equal_mathematics_is_correct(gold: str, answer: str) -> None:
    graded = grade(_item("math", gold, answer))
    assert (graded.verdict, graded.answer, graded.score) == ("correct", answer, 1.0)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("27", "28"),
        ("3", "x=3 and y=4"),
        (r"\text{Evelyn}", "Bob"),
        ("(1,2)", "(2,1)"),
        ("5", "-5"),
        ("5", "\\"),
        ("57", "5 7"),
    ],
)
def test_other_mathematics_is_wrong(gold: str, answer: str) -> None:
    graded = grade(_item("math", gold, answer))
    assert (graded.verdict, graded.score) == ("wrong", 0.0)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("5", ".5"),
        ("25", ".25"),
        ("5", "5!"),
        ("105", "10⁵"),
        ("52", "5²"),
        ("x", "x'"),
        ("A", "a"),
        ("5", "½5"),
        ("0.333", ".333..."),
    ],
)
def test_signs_and_case_belong_to_a_mathematical_answer(gold: str, answer: str) -> None:
    assert grade(_item("math", gold, answer)).verdict == "wrong"
    assert grade(_item("math", answer, gold)).verdict == "wrong"
    assert grade(_item("math", answer, f"**{answer}**")).verdict == "correct"


def test_the_last_line_holds_the_answer_where_none_is_stated() -> None:
    graded = grade(_item("math", "9", "So there are 4 + 5 = 9 apples left.", stated=False))
    assert (graded.verdict, graded.answer) == ("correct", "9 apples left")
    assert graded.detail is not None and "last line" in graded.detail
    assert grade(_item("math", "x'", "x'", stated=False)).verdict == "correct"
    assert grade(_item("math", "9", "I give up.", stated=False)).verdict == "no_answer"


def test_without_a_gold_answer_nothing_is_graded() -> None:
    for verifier in ("math", "choice", "exact"):
        assert grade(_item(verifier, None, "7")).verdict == "ungradable"
    assert grade(_item("math", "???", "7")).verdict == "ungradable"


@given(number=st.integers(-(10**12), 10**12), other=st.integers(-(10**12), 10**12))
def test_whole_numbers(number: int, other: int) -> None:
    assert grade(_item("math", f"{number}.0", str(number))).verdict == "correct"
    assert (grade(_item("math", str(number), f"{other}.00")).verdict == "correct") == (number == other)


_FRACTIONS = (r"\frac{{{}}}{{{}}}", r"\dfrac{{{}}}{{{}}}", "{}/{}")


@given(
    one=st.tuples(st.integers(-99, 99), st.integers(1, 99)),
    other=st.tuples(st.integers(-99, 99), st.integers(1, 99)),
    shapes=st.tuples(st.sampled_from(_FRACTIONS), st.sampled_from(_FRACTIONS)),
)
def test_fractions(one: tuple[int, int], other: tuple[int, int], shapes: tuple[str, str]) -> None:
    graded = grade(_item("math", shapes[0].format(*one), shapes[1].format(*other)))
    assert (graded.verdict == "correct") == (Fraction(*one) == Fraction(*other))


_QUESTION = "Which one?\nA: 2.34 m/s\nB: 0.58 m/s\nC: A ball\nD: 1.17 m/s\n"


@pytest.mark.parametrize(
    "answer", ["B", "(B)", "b", "B.", "B: 0.58 m/s", "(B) 0.58 m/s", "option B", r"\text{B}", "0.58 m/s", "**B**"]
)
@pytest.mark.parametrize("gold", ["B", "(B)", "0.58 m/s"])
def test_an_option_is_named_by_letter_or_text(gold: str, answer: str) -> None:
    assert grade(_item("choice", gold, answer, _QUESTION)).verdict == "correct"


@pytest.mark.parametrize("answer", ["A", "E", "0.59 m/s", "a ball", "Both of them", "A train", ""])
def test_another_option_or_none_is_wrong(answer: str) -> None:
    assert grade(_item("choice", "B", answer, _QUESTION)).verdict == "wrong"


def test_the_option_a_ball_is_not_option_a() -> None:
    assert grade(_item("choice", "C", "A ball", _QUESTION)).verdict == "correct"


def test_a_last_line_that_names_no_option_is_no_answer() -> None:
    assert grade(_item("choice", "B", "It is hard to say.", _QUESTION, stated=False)).verdict == "no_answer"
    assert grade(_item("choice", "B", "B", _QUESTION, stated=False)).verdict == "correct"


def test_a_gold_answer_outside_the_options_is_ungradable() -> None:
    graded = grade(_item("choice", "E", "B", _QUESTION))
    assert graded.verdict == "ungradable" and graded.score is None
    assert graded.detail is not None and "'E'" in graded.detail


@pytest.mark.parametrize(
    "answer",
    [
        "Paris",
        " paris.",
        "**Paris**",
        '"PARIS"',
        r"\text{Paris}",
        "$Paris$",
        "Ｐaris",
        "'Paris.'",
        "“Paris”；",
        "*Paris*。",
    ],
)
def test_exact_ignores_case_spacing_and_what_surrounds(answer: str) -> None:
    assert grade(_item("exact", "Paris", answer)).verdict == "correct"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("5", "-5"),
        ("Paris", "Paris, France"),
        ("ab", "a b"),
        ("x", ""),
        ("5", ".5"),
        ("5", "5!"),
        ("105", "10⁵"),
        ("x", "x'"),
    ],
)
def test_exact_keeps_signs_and_words(gold: str, answer: str) -> None:
    assert grade(_item("exact", gold, answer)).verdict == "wrong"
