from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.text.option_parser import named_option, options


@pytest.mark.parametrize(
    "question",
    [
        "How fast is it?\n\nA: 2.34 m/s\nB: 0.58 m/s\nC: 1.17 m/s\nPlease reason step by step.",
        "How fast is it?\n(A) 2.34 m/s\n(B) 0.58 m/s\n(C) 1.17 m/s",
        "How fast is it?\nA. 2.34 m/s\nB. 0.58 m/s\nC. 1.17 m/s\n",
        "How fast is it?\n  A) 2.34 m/s\n  B) 0.58 m/s\n  C) 1.17 m/s",
        "How fast is it?\n- **A.** 2.34 m/s\n- **B.** 0.58 m/s\n- **C.** 1.17 m/s",
        "How fast is it? (A) 2.34 m/s (B) 0.58 m/s (C) 1.17 m/s",
        r"How fast is it? \textbf{(A)}\ 2.34 m/s \qquad \textbf{(B) }0.58 m/s \qquad\textbf{(C)} 1.17 m/s",
        r"How fast is it? $\textbf{(A)}\ 2.34 m/s\qquad\textbf{(B)}\ 0.58 m/s\qquad\textbf{(C)}\ 1.17 m/s$",
        "How fast is it?\nA)\n2.34 m/s\nB)\n0.58 m/s\nC)\n1.17 m/s\nThink.",
    ],
)
def test_every_usual_form_is_read(question: str) -> None:
    assert options(question) == {"A": "2.34 m/s", "B": "0.58 m/s", "C": "1.17 m/s"}


@pytest.mark.parametrize(
    "question",
    [
        "What is 2 + 2?",
        "",
        "Question: A ball rolls. A. Smith catches it.",
        "Points A and B lie on a circle; f(A) = 3 and f(B) = 4.",
        "A: the only line",
        "(a) Prove it. (b) Prove the converse.",
        "B: first\nC: second",
    ],
)
def test_no_options(question: str) -> None:
    assert options(question) == {}


def test_options_that_name_other_options() -> None:
    question = "Which holds? (A) x > 1 (B) x < 1 (C) both (A) and (B) (D) neither (A) nor (B)"
    assert options(question) == {"A": "x > 1", "B": "x < 1", "C": "both (A) and (B)", "D": "neither (A) nor (B)"}


def test_options_stand_at_the_end() -> None:
    question = "Compare the rods.\nA: made of iron\nB: made of wood\nWhich is heavier?\nA: rod A\nB: rod B"
    assert options(question) == {"A": "rod A", "B": "rod B"}


def test_formulas_keep_their_dollars() -> None:
    assert options("Pick.\nA: $x^2$\nB: $7 kg$") == {"A": "$x^2$", "B": "$7 kg$"}


_texts = st.lists(st.text(string.ascii_lowercase + string.digits + " .", min_size=1).map(str.strip), min_size=2)


@given(texts=_texts.filter(lambda texts: len(texts) <= 26 and all(texts)))
def test_lines_round_trip(texts: list[str]) -> None:
    lines = [f"{letter}: {text}" for letter, text in zip(string.ascii_uppercase, texts, strict=False)]
    assert list(options("\n".join(["Which one?", *lines])).values()) == texts


@pytest.mark.parametrize(
    "question",
    [
        "How fast is it? A. 2.34 B. 0.58 C. 1.17",
        "How fast is it? A) 2.34 B) 0.58 C) 1.17",
        "How fast is it? A)2.34 B)0.58 C)1.17",
        "How fast is it?\nA.2.34\nB.0.58\nC.1.17",
        "How fast is it?\nA、2.34\nB、0.58\nC、1.17",
        "How fast is it?\nA．2.34\nB．0.58\nC．1.17",
        "How fast is it?\nＡ：2.34\nＢ：0.58\nＣ：1.17",
        "How fast is it?\n（A）2.34\n（B）0.58\n（C）1.17",
        "How fast is it?\n(a) 2.34\n(b) 0.58\n(c) 1.17",
        "How fast is it?\na) 2.34\nb) 0.58\nc) 1.17",
        "How fast is it? (a) 2.34 (b) 0.58 (c) 1.17",
        "How fast is it? A．2.34 B．0.58 C．1.17",
    ],
)
def test_options_as_people_write_them(question: str) -> None:
    assert options(question) == {"A": "2.34", "B": "0.58", "C": "1.17"}


_ANIMALS = {"A": "a heron", "B": "an otter", "C": "d", "D": "all of the above"}


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B because it swims", "B"),
        ("B, since it swims", "B"),
        ("B – an otter", "B"),
        ("B (an otter)", "B"),
        ("B, not C", "B"),
        ("B is correct", "B"),
        ("option B", "B"),
        ("Ｂ", "B"),
        ("（Ｂ）", "B"),
        ('"B"', "B"),
        ("\u200bB\u200b", "B"),
        ("B) an otter", "B"),
        ("an otter", "B"),
        ("AN OTTER.", "B"),
        ("d", "C"),  # the text of C, written exactly
        ("D", "D"),
        ("a heron", "A"),
        ("A heron", "A"),
        ("a", "A"),
        ("B and C", None),
        ("B or C", None),
        ("B, C", None),
        ("B: a heron", None),
        ("E", None),
        ("A fish", None),
        ("I saw it", None),
        ("a whale because it is large", None),
        ("", None),
    ],
)
def test_the_option_that_an_answer_names(answer: str, letter: str | None) -> None:
    assert named_option(answer, _ANIMALS) == letter


@given(
    st.sampled_from(string.ascii_uppercase),
    st.sampled_from(["{}", "({})", "{}.", "**{}**", "option {}", "{} because x"]),
)
def test_a_letter_needs_no_options(letter: str, form: str) -> None:
    assert named_option(form.format(letter), {}) == letter
