from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.text.stated_answers import last_line, stated, unwrapped


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (r"So it is $\boxed{\frac{1}{2}}$.", r"\frac{1}{2}"),
        (r"First \boxed{3}. No, \boxed{4}.", "4"),
        (r"\fbox{7}", "7"),
        (r"\boxed{\boxed{7}}", "7"),
        (r"\boxed 5$", "5"),
        (r"$\boxed{\left\{ x \right.}$", r"\left\{ x \right."),
        (r"$\boxed{3}$ and $\boxed{5}$", "3, 5"),
        (r"\boxed{12} was wrong. <answer>13</answer>", "13"),
        (r"<answer>13</answer> that is \boxed{14}", "14"),
        (r"<answer> \boxed{B} </answer>", "B"),
        ("<answer>Paris", "Paris"),
        ("3 * 14 = 42\n#### 42\n", "42"),
        ("The answer is 42. I hope it is correct.", "42"),
        ("The final answer to this problem is 3.5 metres. Done.", "3.5 metres"),
        ("Final Answer: The final answer is $4$. I hope it is correct.", "4"),
        ("**Final Answer:** $4$", "4"),
        ("**Final answer**\n\n42 apples\n", "42 apples"),
        ("Answer: **B**", "B"),
        ("**Answer:** (B) 0.58 m/s.", "(B) 0.58 m/s"),
        ("The correct option is C.", "C"),
        ("The answer is 3. Wait, that is wrong. The answer is 4.", "4"),
        ("所以最终答案是42。", "42"),
        (r"Put it within \boxed{}. The answer is: \(x^2\).", "x^2"),
    ],
)
def test_stated_answers(response: str, answer: str) -> None:
    assert stated(response) == answer


@pytest.mark.parametrize(
    "response",
    [
        "",
        "I do not know.",
        r"Put it within \boxed{}.",
        r"\boxed{never closed",
        "The answer is not 5",
        "What is the answer to this?",
        "#### Step 1: count\nThere are many.",
        "I answer: no",
        'You said: "The answer is". Let me see.',  # the instruction's words, quoted
    ],
)
def test_no_stated_answer(response: str) -> None:
    assert stated(response) is None


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("I think\nthe answer is 1", None),  # perhaps 12
        ("The answer is 12.\nLet me check it: 1", "12"),
        (r"So \boxed{12", None),
        (r"So \boxed{12} as", "12"),
        ("<answer>1", None),
        ("<answer>12</answer> becau", "12"),
    ],
)
def test_a_cut_response_states_only_what_is_finished(response: str, answer: str | None) -> None:
    assert stated(response, cut=True) == answer


_words = st.text(st.characters(codec="ascii", categories=["L", "N", "Zs"], include_characters="+-=^_/()"), max_size=12)
_balanced = st.recursive(
    _words, lambda inner: st.lists(inner, max_size=3).map(lambda parts: "{" + "".join(parts) + "}")
)


@given(before=st.text(), parts=st.lists(_balanced, min_size=1, max_size=4), after=st.text("abc .!}", max_size=20))
def test_whatever_is_balanced_comes_out_of_its_box(before: str, parts: list[str], after: str) -> None:
    content = "".join(parts)
    if not content.strip():
        return
    assert stated(f"{before}\n\\boxed{{{content}}}{after}") == unwrapped(content)


@given(st.text(r"\boxed{}<answer>/ is:#$*", max_size=200))
def test_any_text_is_read(response: str) -> None:
    answer = stated(response)
    assert answer is None or (answer.strip() and answer in response + answer)
    last_line(response)


@pytest.mark.parametrize(
    "response",
    [
        "\\boxed{" * 150_000,
        "\\boxed{" * 100_000 + "}" * 100_000,
        "\\boxed{3}," * 100_000,
        "<answer>" * 120_000,
        "the answer is $a. " * 50_000,
        "answer" + " " * 1_000_000,
        " " * 1_000_000,
        "final answer to " * 60_000,
        "* " * 500_000,
        ("#### " + " " * 2_000) * 300,
        " " * 1_000_000 + "]",
        "</s> " * 200_000,
        "\\boxed{3} \\quad " * 60_000,
        "Answer:\n\\[\n" * 60_000,
        "Answer: $$" * 60_000,
    ],
)
def test_hostile_megabytes_are_read_in_linear_time(response: str) -> None:
    started = time.process_time()
    stated(response)
    assert time.process_time() - started < 10  # seconds; quadratic work takes minutes
