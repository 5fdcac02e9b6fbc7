"""What an answer is read as, before anything is compared."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.text.characters import half_width, visible, without_end_tokens
from infogap.verify.reading.answer_reader import Based, Clock, Condition, Dotted, Form, Maths, Words, read
from infogap.verify.reading.closing_answer import closing_answer
from infogap.verify.reading.numerals import exactly, numerals
from infogap.verify.reading.units import conflicting, quantity


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("7:45 p.m.", Clock(71100, "pm")),
        ("19:45", Clock(71100, "pm")),
        ("7:45", Clock(27900, None)),
        ("midnight", Clock(0, "am")),
        (r"1201_{3}", Based("1201", 3)),
        ("1201₃", Based("1201", 3)),
        ("2, 4, ..., 20", Dotted(("2", "4", "...", "20"))),
        (r"\text{Saint Helena}", Words("saint helena")),
        ("4 hours and 10 minutes", Words("4 hours 10 minutes")),
        ("4 hours 10 minutes", Words("4 hours 10 minutes")),
        ("3 cm or 7 cm", Maths("3, 7", "cm")),
        ("17 %", Maths("17", "", True)),
        ("7x", Maths("7x")),
        ("7 xy", Maths("7 xy")),
        ("8 metres", Maths("8", "m")),
        ("x < 2 or x > 9", Condition((("x < 2",), ("x > 9",)), "x < 2, x > 9")),
        ("x < 9 and x > 2", Condition((("x < 9", "x > 2"),), "x < 9, x > 2")),
    ],
)
def test_forms(text: str, form: Form) -> None:
    assert read(text) == form


@pytest.mark.parametrize(
    "text",
    ["1 4", "1/2x", "3_4 + 1", r"x \equiv 1, 2 \pmod 3", "4 out of 9", "6 or more", "not 6", "4 tenths", "9 squared"],
)
def test_what_has_no_one_reading_is_a_text(text: str) -> None:
    assert isinstance(read(text), Words)


@given(st.integers(0, 10**15), st.sampled_from([",", " ", "{,}", r"\,", r",\!", "\u202f", "\u00a0"]))
def test_digits_in_groups(number: int, joint: str) -> None:
    assert read(f"{number:,}".replace(",", joint)) == Maths(str(number))


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-30, max_value=1e30))
def test_scientific_notation_is_exact(number: float) -> None:
    assert exactly(numerals(f"{number:.6e}")) == exactly(numerals(f"{number:.6E}"))
    value = exactly(numerals(f"{number:.6e}"))
    assert value is not None and float(value) == pytest.approx(number, rel=1e-6)


@given(st.integers(0, 10**6), st.integers(1, 99), st.integers(2, 99))
def test_mixed_numbers(whole: int, over: int, under: int) -> None:
    if over < under:
        for text in (
            f"{whole} {over}/{under}",
            rf"{whole}\frac{{{over}}}{{{under}}}",
            rf"{whole}\,\tfrac{{{over}}}{{{under}}}",
        ):
            form = read(text)
            assert isinstance(form, Maths)
            assert exactly(form.latex) == whole + exactly(f"{over}/{under}")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("So there are 6 + 5 = 11 hens left.", "11 hens left"),
        ("Hence the side is 4√5.", "4√5"),
        ("That makes $x = 14$.", "x = 14"),
        ("In the end it comes to **$18.00**.", "$18.00"),
        ("Altogether 31 birds", "31 birds"),
        ("x^2 - 4", "x^2 - 4"),
        ("There were 3 of one and 4 of the other.", "3 of one and 4 of the other"),
        ("See steps 2 and 3", None),
        ("See step 2", None),
        ("So $x = 2$ or $x = 3$", "x = 2 or x = 3"),
        ("At most 9", None),
        ("That is all.", None),
        ("", None),
    ],
)
def test_what_a_last_line_says(line: str, said: str | None) -> None:
    assert closing_answer(line) == said


@pytest.mark.parametrize(
    "token", ["<|im_end|>", "<|eot_id|>", "</s>", "<|endoftext|>", "<end_of_turn>", "<｜end▁of▁sentence｜>"]
)
def test_tokens_that_end_a_text_are_no_text(token: str) -> None:
    assert without_end_tokens(f"It is 8.{token}\n{token}") == "It is 8."
    assert read(f"8{token}") == Maths("8")


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    read(text)
    closing_answer(text)
    assert visible(visible(text)) == visible(text)
    assert half_width(half_width(text)) == half_width(text)


@pytest.mark.parametrize(
    "text",
    ["(" * 2_000, "√" * 2_000, "sqrt(" * 400, "1 " * 1_000, "\\text{" * 330, "{" * 1_000 + "}" * 1_000, "a and " * 330,
     "1," * 1_000, "°" * 2_000, "1:" * 1_000, "3 m/" * 500, "$" * 2_000, "x<" * 1_000, "\\frac" * 400, "5 m m m " * 250,
     "^(" * 1_000, "m " * 1_000 + "!", "5 " + "m " * 990 + "?"],
)  # fmt: skip
def test_hostile_texts_take_no_time(text: str) -> None:
    started = time.process_time()
    read(text)
    closing_answer(text)
    assert time.process_time() - started < 2


def test_units() -> None:
    assert conflicting("km", "m") and not conflicting("km", "km") and not conflicting("km", "apples")
    found = quantity("approximately 8.5 kilometres")
    assert found is not None and (found.value, found.unit) == ("8.5", "km")
    assert quantity("8 or 9 kilometres") is None
