"""Hints are the solution's beginning and never all of it."""

from hypothesis import given
from hypothesis import strategies as st

from infogap.privilege.hint import hint, steps

SOLUTION = "Tom has 3.5 apples, i.e. three and a half. He eats one.\nSo 2.5 are left! The answer is 2.5."
PROSE = st.text("ab .!?\n。", max_size=80)


def test_a_solution_is_cut_at_sentences_and_lines() -> None:
    assert [step.strip() for step in steps(SOLUTION)] == [
        "Tom has 3.5 apples, i.e. three and a half.",
        "He eats one.",
        "So 2.5 are left!",
        "The answer is 2.5.",
    ]


def test_a_fraction_ends_with_the_sentence_that_reaches_it() -> None:
    assert hint(SOLUTION, fraction=0.1) == "Tom has 3.5 apples, i.e. three and a half."
    assert hint(SOLUTION, fraction=0.99) == SOLUTION.removesuffix(" The answer is 2.5.")
    assert hint(SOLUTION, count=2) == "Tom has 3.5 apples, i.e. three and a half. He eats one."


def test_a_solution_of_one_step_has_no_hint() -> None:
    assert hint("The answer is 4.", fraction=0.5) is None


@given(PROSE)
def test_steps_make_up_the_solution(solution: str) -> None:
    assert "".join(steps(solution)) == solution.strip()


@given(PROSE, st.floats(0.01, 0.99))
def test_a_hint_begins_the_solution_and_is_shorter(solution: str, fraction: float) -> None:
    part = hint(solution, fraction=fraction)
    if part is not None:
        assert solution.strip().startswith(part)
        assert len(part) < len(solution.strip())
