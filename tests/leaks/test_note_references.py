"""Traces that name the critique or the notes which only their teacher saw."""

import pytest

from infogap.leaks.leak_scan import load_leaks
from infogap.leaks.scanned_trace import ContextKind, ScannedTrace
from infogap.privileges.base import Privilege
from infogap.privileges.critique import CRITIQUE, INFORMED_CRITIQUE
from infogap.privileges.lessons import LESSONS
from infogap.privileges.task_fields import SOLUTION

QUESTION = "A shelf holds 4 boxes of 6 jars each. Five of the jars are broken. How many jars are whole?"
ATTEMPT = (
    "An earlier attempt of your own (verdict: wrong):\nThere are \\boxed{24} jars.\n\nA critique of this attempt:\n"
)
NOTES = (
    "Notes from attempts at other problems:\n- Underline what is asked for before you compute anything else at all.\n"
)


def rules_in(text: str, privilege: Privilege, context: str, question: str = QUESTION) -> set[str]:
    trace = ScannedTrace.of(text, question, context, "19", ContextKind.of(privilege))
    return {leak["rule"] for leak in load_leaks().find(trace).leaks}


@pytest.mark.parametrize(
    "text",
    [
        "The critic is right: I need to subtract 5.",
        "Based on the comments, let me subtract.",
        "Taking this critique into account, 24 - 5 = 19.",
        "Thanks for the detailed feedback.",
    ],
)
@pytest.mark.parametrize("privilege", [CRITIQUE, INFORMED_CRITIQUE])
def test_a_trace_that_names_the_critique_leaks(text: str, privilege: Privilege) -> None:
    context = f"{ATTEMPT}The question asks for those that are whole."
    assert "critique" in rules_in(text, privilege, context)
    assert "critique" not in rules_in(text, SOLUTION, context)


@pytest.mark.parametrize(
    "text", ["The lesson tells us to check.", "One of the notes warns of this.", "As in other problems, we subtract."]
)
def test_a_trace_that_names_the_notes_leaks(text: str) -> None:
    assert "lesson" in rules_in(text, LESSONS, NOTES)
    assert "lesson" not in rules_in(text, SOLUTION, NOTES)


@pytest.mark.parametrize(
    "text", ["There are 24 jars. Note that five are broken, so 19 are whole.", "Let me review. 19."]
)
def test_a_trace_of_its_own_does_not_leak(text: str) -> None:
    assert not rules_in(text, LESSONS, NOTES)
    assert not rules_in(text, CRITIQUE, f"{ATTEMPT}The question asks for those that are whole.")


def test_what_the_question_has_is_no_reference() -> None:
    asked = "A singer sings the notes do, re and mi. How many notes are there?"
    assert not rules_in("The notes are three.", LESSONS, NOTES, asked)


def test_a_copied_note_leaks() -> None:
    assert "run" in rules_in(
        "We underline what is asked for before you compute anything else at all. 19.", LESSONS, NOTES
    )


def test_an_answer_that_the_critique_states_is_held_and_one_of_the_attempt_is_not() -> None:
    told = ContextKind.of(CRITIQUE)
    stated = ScannedTrace.of("", QUESTION, f"{ATTEMPT}It must be 19, as five are broken.", "19", told)
    untold = ScannedTrace.of("", QUESTION, f"{ATTEMPT}Five are broken.", "19", told)
    reached = ScannedTrace.of("", QUESTION, ATTEMPT.replace("24", "19 + 5") + "The 19 was right.", "19", told)
    assert (stated.held_answer, untold.held_answer, reached.held_answer) == ("19", None, None)
