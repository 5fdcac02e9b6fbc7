from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.measure.leaks import load_leaks

_LEAKS = load_leaks()


@pytest.mark.parametrize(
    "text",
    [
        "This agrees with the provided solution.",
        "which matches the given answer, 12",
        "As the hint says, we factor first.",
        "According to the\nsolution, x = 3.",
        "The correct answer is stated as 12.",
        "Since we know the answer is 12, we work backwards.",
        "I was told that the final answer is 12, so",
        "the reference solution uses induction",
        "The solution says to substitute.",
        "This is the answer provided.",
        "the expected answer is 7",
        "I follow the beginning of the solution.",
        "checking against the answer key",
        "根据提供的答案，我们得到",
        "参考答案是5",
    ],
)
def test_references_to_what_the_student_cannot_see(text: str) -> None:
    found = _LEAKS.find(f"Let me see. {text}", "What is x?")
    assert found
    for leak in found:
        assert leak["kind"] == "reference"
        assert f"Let me see. {text}"[leak["start"] : leak["end"]] == leak["evidence"]


@pytest.mark.parametrize(
    "text",
    [
        "So the answer is 12. The solution of the equation is x = 3.",
        "Among the given answer choices, (B) fits.",
        "Given the information provided, the solutions are 2 and 3.",
        "According to the Remainder Theorem, the answer follows.",
        "We are given that x = 3; the final answer is 12.",
        "I check the solution by substituting it: the known solution holds.",
        "To find the answer, note the explanation below.",
        "",
    ],
)
def test_ordinary_reasoning_is_no_leak(text: str) -> None:
    assert _LEAKS.find(text, "What is x?") == []


def test_what_the_question_itself_says_is_no_leak() -> None:
    question = "The given  solution contains 20% salt. Use the hint: factor."
    assert _LEAKS.find("The given solution holds salt. The hint is to factor.", question) == []
    assert len(_LEAKS.find("The given solution holds salt. The answer key too.", question)) == 1


@given(st.lists(st.sampled_from(["the ", "given ", "answer ", "x " * 200, "hint ", "provided ", "\n"]), max_size=30))
def test_searching_near_words_finds_what_searching_everything_finds(parts: list[str]) -> None:
    text = "".join(parts)
    everywhere = [match.span() for pattern in _LEAKS._patterns.values() for match in pattern.finditer(text)]
    assert [(leak["start"], leak["end"]) for leak in _LEAKS.find(text, "")] == sorted(everywhere)


def test_every_phrase_holds_one_of_the_words() -> None:
    for patterns in _LEAKS.kinds.values():
        for pattern in patterns:
            assert any(word in pattern for word in _LEAKS.words), pattern
