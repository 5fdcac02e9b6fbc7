"""Hints are the solution's beginning and never all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.privileges.hint import hint, steps
from infogap.text.formulas import formulas

SOLUTION = "Tom has 3.5 apples, i.e. three and a half. He eats one.\nSo 2.5 are left! The answer is 2.5."
PROSE = st.lists(
    st.sampled_from([*"abA1 .!?\n。$\\{}", "$$", r"\[", r"\]", r"\begin{a}", r"\end{a}", "```", "e.g."]), max_size=60
).map("".join)


def test_a_solution_is_cut_at_sentences_and_lines() -> None:
    assert [step.strip() for step in steps(SOLUTION)] == [
        "Tom has 3.5 apples, i.e. three and a half.",
        "He eats one.",
        "So 2.5 are left!",
        "The answer is 2.5.",
    ]


@pytest.mark.parametrize(
    "parts",
    [
        ["See Fig. 2 and Eq. (3), e.g. The one of Dr. Lee vs. Mr. Ho. ", "Then go."],
        ["首先，设 $x=3.5$。", "则有 \\[y = 2.\n z\\] ", "因此“好。”", "答案是 5."],
        ["It costs $5. ", "He pays $6 of them. ", "OK"],
        ["Let $x = 3. y$ be given. ", "Next"],
        ["There are 5! = 120 ways! ", "So 4! is 24."],
        ["As 3 > 2, we get\n$$x = 1.\nY$$\n", "where x is odd, and\n\\[ 2x = 2. \\]\n", "Hence it is done."],
        ["We have\n\\begin{align*}\na &= 1. \\\\[2pt]\nB &= 2.\n\\end{align*}", "Hence it is done."],
        ["\\begin{array}{c} A. B\n\\begin{array}{c} C. D\n\\end{array} E. F\n\\end{array}\n", "Done."],
        ["```python\nx = 1\n\n# Now. Then.\n```\n", "Done."],
        ["[asy]\nx = 1. ;\nY;\n[/asy]\n", "Done."],
        ["1. First do it.\n", "2. Then that\n", "- item one\n", "- item two"],
        ["It is \\textbf{so. Or so} here. ", "Done."],
        ["Then $x = 1.$ ", "Hence it is done."],
        ["A long line that was\nwrapped in the middle. ", "Done."],
        ["Never closed \\[ x = 1. Then\nso"],
    ],
)
def test_no_step_ends_inside_a_formula_or_an_abbreviation(parts: list[str]) -> None:
    assert steps("".join(parts)) == parts


def test_a_fraction_ends_with_the_sentence_that_comes_nearest_to_it() -> None:
    assert hint(SOLUTION, fraction=0.1) == "Tom has 3.5 apples, i.e. three and a half."
    assert hint(SOLUTION, fraction=0.6) == "Tom has 3.5 apples, i.e. three and a half. He eats one."
    assert hint(SOLUTION, fraction=0.99) == SOLUTION.removesuffix(" The answer is 2.5.")
    assert hint(SOLUTION, count=2) == "Tom has 3.5 apples, i.e. three and a half. He eats one."


@pytest.mark.parametrize("solution", ["The answer is 4.", r"It is \boxed{4}. This was easy.", ""])
def test_a_solution_with_no_step_before_its_result_has_no_hint(solution: str) -> None:
    assert hint(solution, fraction=0.5) is None
    assert hint(solution, count=3) is None


def test_a_hint_stops_before_the_result() -> None:
    assert hint(r"Add one. It is \boxed{4}. We check it. All is well.", fraction=0.9) == "Add one."
    assert hint("Add one to 3.\nThat is it.\n#### 4\nThe end.", count=9) == "Add one to 3.\nThat is it."


@given(PROSE)
def test_steps_make_up_the_solution(solution: str) -> None:
    assert "".join(steps(solution)) == solution.strip()


@given(PROSE, st.floats(0.01, 0.99))
def test_a_hint_begins_the_solution_and_is_shorter(solution: str, fraction: float) -> None:
    part = hint(solution, fraction=fraction)
    if part is not None:
        assert solution.strip().startswith(part)
        assert len(part) < len(solution.strip())


@given(PROSE)
def test_a_hint_leaves_nothing_open_that_the_solution_closes(solution: str) -> None:
    spans = [span for span in formulas(solution.strip()) if span.end < len(solution.strip())]
    place = 0
    for step in steps(solution)[:-1]:
        place += len(step)
        assert not any(span.start < place < span.end for span in spans)
