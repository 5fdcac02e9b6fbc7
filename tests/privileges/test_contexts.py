"""Prompts: one frame and one instruction for all privileges, which differ in the context alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import InputError
from infogap.privileges.base import Attempt, UnmetNeedError
from infogap.privileges.contexts import (
    ContextWriter,
    fill,
    note_prompt_problem,
    reference_prompt,
    student_prompt,
    teacher_prompt,
    template_problem,
)
from infogap.privileges.critique import Critique, InformedCritique
from infogap.privileges.decoys import Decoys
from infogap.privileges.ladder import ladder
from infogap.privileges.template_sets import load_wording
from infogap.recipe.privilege_entries import PrivilegeOptions, PrivilegeUse, privilege_use

TASKS: list[dict[str, Any]] = [
    {
        "task_id": f"t{number}",
        "family": "f",
        "difficulty": None,
        "question": f"What is {number} + 1?",
        "answer": str(number + 1),
        "solution": f"We add one to {number}. This gives {number + 1}.",
        "verifier": "math",
    }
    for number in range(4)
]
LADDER = ladder()
WRITER = ContextWriter("infogap", Decoys(0, TASKS))
RIGHT = Attempt("Hmm, perhaps three? Yes.", r"It is \boxed{3}.", True)
WRONG = Attempt("Surely two.", r"It is \boxed{2}.", False)
WORDINGS = ["infogap", "kim2026"]


def use(name: str, **options: Any) -> PrivilegeUse:
    return privilege_use({name: PrivilegeOptions(**options)})


@given(st.text(), st.text(), st.sampled_from(WORDINGS))
def test_an_empty_context_gives_the_students_prompt(question: str, instruction: str, wording: str) -> None:
    assert teacher_prompt(question, "", instruction, wording) == student_prompt(question, instruction)


@pytest.mark.parametrize("wording", WORDINGS)
def test_every_privilege_has_its_words(wording: str) -> None:
    words = load_wording(wording).contexts
    named = {each.worded_as for each in LADDER if each.imitates is None and each.name != "unguided"}
    assert words.keys() == named | {"verifier_test"}  # an option's own words: others' fingerprints do not hold them


def test_the_words_of_kim_et_al_surround_the_solution() -> None:
    context = ContextWriter("kim2026", Decoys(0, TASKS)).write(TASKS[2], use("solution")).text
    assert teacher_prompt("What is 2 + 1?", context, "Answer.", "kim2026") == (
        "What is 2 + 1?\n\nCorrect solution: We add one to 2. This gives 3.\n\n"
        "Correctly solve the original question.\n\nAnswer."
    )


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("privilege", LADDER, ids=lambda privilege: privilege.name)
def test_taking_the_context_out_leaves_the_students_prompt(privilege: Any, wording: str) -> None:
    task = TASKS[2]
    context = ContextWriter(wording, Decoys(0, TASKS)).write(task, use(privilege.name), [WRONG, RIGHT]).text
    prompt = teacher_prompt(task["question"], context, "Answer.", wording)
    if wording == "kim2026":
        prompt = prompt.replace("\n\nCorrectly solve the original question.", "")
    assert prompt.replace(f"\n\n{context}" if context else "", "", 1) == student_prompt(task["question"], "Answer.")


@pytest.mark.parametrize(
    ("name", "shown", "hidden"),
    [
        ("hint", "We add one to 2.", "This gives 3."),
        ("answer", "3", "We add one"),
        ("solution", "We add one to 2. This gives 3.", None),
    ],
)
def test_a_privilege_shows_what_it_says_and_no_more(name: str, shown: str, hidden: str | None) -> None:
    text = WRITER.write(TASKS[2], use(name)).text
    assert shown in text
    assert hidden is None or hidden not in text


@pytest.mark.parametrize("privilege", [each for each in LADDER if each.imitates], ids=lambda each: each.name)
def test_a_control_is_worded_like_what_it_imitates(privilege: Any) -> None:
    control = WRITER.write(TASKS[2], use(privilege.name)).text
    imitated = WRITER.write(TASKS[2], use(privilege.imitates)).text
    assert control != imitated
    assert control.splitlines()[0] == imitated.splitlines()[0]


# What a label may say: nouns, what they are of, and the verdict. No verb, so nothing is asked for.
LABELS = {
    "infogap": {
        "a solution",
        "the beginning of a solution",
        "a solution, its values blanked out",
        "the final answer",
        "an earlier attempt of your own (verdict: wrong)",
        "an attempt (verdict: right)",
        "an attempt (verdict: wrong)",
        "its first failing test",
        "a critique of this attempt",
        "notes from attempts at other problems",
    },
    "kim2026": {"correct solution", "wrong solution", "failing test", "critique", "notes from other problems"},
}


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("privilege", LADDER[1:], ids=lambda privilege: privilege.name)
def test_a_context_is_labels_and_what_is_shown_and_asks_for_nothing(privilege: Any, wording: str) -> None:
    """Only the style, on purpose, says how to write."""
    _asks_for_nothing(privilege, wording, privilege.worded_as)


@pytest.mark.parametrize("wording", WORDINGS)
def test_a_failing_test_is_shown_under_a_label_too(wording: str) -> None:
    _asks_for_nothing(use("verifier", verdict="test").privilege, wording, "verifier_test")


def _asks_for_nothing(privilege: Any, wording: str, name: str) -> None:
    values: dict[str, Any] = dict.fromkeys(("hint", "masked_solution", "answer", "solution", "right"), "@")
    values |= {"wrong": ["@", "@"], "tests": ["@", "@"], "critiques": ["@", "@"], "notes": ["@"]}
    if name == "peers":
        values["wrong"] = "@"
    text = fill(load_wording(wording).contexts[name], **values)
    if privilege.style:
        text, _, style = text.partition("\n\n")
        assert ("no uncertainty" if privilege.name == "confident_rewrite" else "not sure") in style
        assert "the same content" in style
    if wording == "kim2026":
        text = text.removesuffix(" ...")  # a hint goes on
    text = text.replace("\n- @", "\n@")  # a list of notes
    labels = [part.removesuffix("@").strip() for part in text.split("\n\n")]
    assert all(part.endswith("@") for part in text.split("\n\n"))
    assert all(label.endswith(":") for label in labels)
    assert {label.removesuffix(":").lower() for label in labels} <= LABELS[wording]


@pytest.mark.parametrize("style", ["confident_rewrite", "uncertain_rewrite"])
def test_a_style_is_asked_for_in_the_same_words_by_both_sets(style: str) -> None:
    one, other = (load_wording(wording).contexts[style].partition("\n\n")[2] for wording in WORDINGS)
    assert one == other


ATTEMPTS = [each for each in LADDER if each.attempts]


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize(
    ("name", "seen", "unseen"),
    [
        ("verifier", [WRONG.response], [WRONG.reasoning, RIGHT.response]),
        ("peers", [RIGHT.response, WRONG.response], [RIGHT.reasoning, WRONG.reasoning]),
        ("solution_no_think", [RIGHT.response], [RIGHT.reasoning, WRONG.response]),
        ("regenerated", [f"{RIGHT.reasoning}\n\n{RIGHT.response}"], [WRONG.response, "think>"]),
    ],
)
def test_an_attempt_is_shown_with_its_thought_only_where_the_whole_trace_is_meant(
    name: str, seen: list[str], unseen: list[str], wording: str
) -> None:
    text = ContextWriter(wording, Decoys(0, TASKS)).write(TASKS[2], use(name), [WRONG, RIGHT]).text
    assert all(part in text for part in seen)
    assert not any(part in text for part in unseen)


@pytest.mark.parametrize("privilege", ATTEMPTS, ids=lambda privilege: privilege.name)
def test_no_usable_attempt_is_an_unmet_need(privilege: Any) -> None:
    other = RIGHT if privilege.attempts == "wrong" else WRONG
    silent = Attempt("Only a thought.", " ", privilege.attempts == "right")
    for shown in ((), (other,), (silent,)):
        with pytest.raises(UnmetNeedError, match=f"no {privilege.attempts} attempt under {privilege.attempts_from}"):
            WRITER.write(TASKS[2], use(privilege.name), shown)


def test_a_style_shows_a_trace_in_place_of_the_solution_where_it_names_one() -> None:
    text = WRITER.write(TASKS[2], use("confident_rewrite", **{"from": "unguided"}), [RIGHT]).text
    assert text == WRITER.write(TASKS[2] | {"solution": RIGHT.trace}, use("confident_rewrite")).text
    assert TASKS[2]["solution"] not in text
    with pytest.raises(UnmetNeedError, match="no right attempt under unguided"):
        WRITER.write(TASKS[2], use("confident_rewrite", **{"from": "unguided"}))


def test_a_verifier_shows_every_attempt_and_the_answer_only_where_the_verdict_says_it() -> None:
    again = Attempt("", r"It is \boxed{7}.", False)
    bare = WRITER.write(TASKS[2], use("verifier", turns=2), [WRONG, again]).text
    assert bare.index(WRONG.response) < bare.index(again.response)
    assert bare.count("wrong") == 2
    assert "3" not in bare
    told = WRITER.write(TASKS[2], use("verifier", turns=2, verdict="answer"), [WRONG, again]).text
    assert told == f"{bare}\n\n{WRITER.write(TASKS[2], use('answer')).text}"
    with pytest.raises(UnmetNeedError, match="no answer"):
        WRITER.write(TASKS[2] | {"answer": None}, use("verifier", verdict="answer"), [WRONG])


@pytest.mark.parametrize(
    ("wording", "label"), [("infogap", "Its first failing test:\n"), ("kim2026", "Failing test: ")]
)
def test_a_verifier_shows_the_failing_test_of_each_attempt_and_no_other(wording: str, label: str) -> None:
    writer = ContextWriter(wording, Decoys(0, TASKS))
    coded = TASKS[2] | {"verifier": "code", "answer": '{"tests": "assert f(1) == 2\\nassert f(5) == 6"}'}
    first, second = Attempt("", "x = 1", False, "f(1): expected 2, got 1"), Attempt("", "x = 2", False, "time limit")
    text = writer.write(coded, use("verifier", turns=2, verdict="test"), [first, second]).text
    assert f"x = 1\n\n{label}f(1): expected 2, got 1\n\n" in text
    assert text.endswith(f"x = 2\n\n{label}time limit")
    assert "f(5)" not in text
    assert writer.write(coded, use("verifier"), [first]).text == writer.write(TASKS[2], use("verifier"), [first]).text


def test_a_failing_test_is_shown_of_programs_alone() -> None:
    with pytest.raises(UnmetNeedError, match="no tests, whose failing one could be shown"):
        WRITER.write(TASKS[2], use("verifier", verdict="test"), [WRONG])


def test_tests_are_shown_as_people_read_them() -> None:
    coded = TASKS[2] | {"verifier": "code", "answer": '{"tests": "assert f(1) == 2\\nassert f(5) == 6"}'}
    assert WRITER.write(coded, use("answer")).text.endswith("\nassert f(1) == 2\nassert f(5) == 6")
    assert WRITER.write(coded, use("verifier", verdict="answer"), [WRONG]).text.endswith("\nassert f(5) == 6")


def test_a_wrong_attempt_is_never_called_correct() -> None:
    writer = ContextWriter("kim2026", Decoys(0, TASKS))
    assert writer.write(TASKS[2], use("verifier"), [WRONG]).text == f"Wrong solution: {WRONG.response}"
    assert writer.write(TASKS[2], use("peers"), [RIGHT, WRONG]).text == (
        f"Correct solution: {RIGHT.response}\n\nWrong solution: {WRONG.response}"
    )
    assert "Wrong" not in writer.write(TASKS[2], use("peers"), [RIGHT]).text


def test_a_solution_that_has_a_thought_is_shown_without_it_before_any_attempt() -> None:
    thoughtful = TASKS[2] | {"solution": "<think>Is it 3? Or 4?</think>\nIt is 3."}
    plain = WRITER.write(TASKS[2] | {"solution": "It is 3."}, use("solution")).text
    assert WRITER.write(thoughtful, use("solution_no_think")).text == plain
    assert WRITER.write(thoughtful, use("solution_no_think"), [RIGHT]).text == plain
    cut = TASKS[2] | {"solution": "<think>Is it 3? Or"}
    assert RIGHT.response in WRITER.write(cut, use("solution_no_think"), [RIGHT]).text


@pytest.mark.parametrize("wording", WORDINGS)
def test_a_reference_is_the_teachers_prompt_without_the_question(wording: str) -> None:
    writer = ContextWriter(wording, Decoys(0, TASKS))
    context = writer.write(TASKS[2], use("reference_only")).text
    assert context == writer.write(TASKS[2], use("solution")).text
    prompt = reference_prompt(context, "Answer.", wording)
    assert teacher_prompt("Q?", context, "Answer.", wording) == f"Q?\n\n{prompt}"


def test_a_missing_part_is_said_and_never_left_empty() -> None:
    for missing, name in (("solution", "solution"), ("answer", "answer"), ("solution", "hint")):
        with pytest.raises(UnmetNeedError, match=missing):
            WRITER.write(TASKS[0] | {missing: None}, use(name))


def test_a_recipes_own_privilege_is_rendered_in_a_sandbox() -> None:
    own = use("nudge", template="The answer has {{ answer|length }} digits.", richness=0.5, needs=["answer"])
    assert WRITER.write(TASKS[0], own).text == "The answer has 1 digits."
    for template in (
        "{{ answer.__class__.__mro__ }}",
        "{{ nothing }}",
        "{{ answer",
        "{{ 1/0 }}",
        "{% for i in range(10**9) %}{% endfor %}",
        "{% include 'x' %}",
    ):
        with pytest.raises(InputError):
            WRITER.write(TASKS[0], use("nudge", template=template))


def test_a_template_says_what_a_task_must_have_for_it() -> None:
    shows_both = "{% if solution %}{{ solution }}{% endif %} {{ answer }}"
    assert template_problem(shows_both, ["answer", "solution"]) is None
    assert template_problem(shows_both, ["answer"]) == (
        "the template shows the solution; add `needs: [answer, solution]`"
    )
    assert "add `needs: [answer, solution]`" in (template_problem(shows_both, []) or "")


def test_a_template_that_gives_no_text_is_not_the_unguided_privilege() -> None:
    own = use("nudge", template="{% if difficulty %}It is hard.{% endif %}\n", richness=0.5)
    assert WRITER.write(TASKS[0] | {"difficulty": "5"}, own).text == "It is hard."
    with pytest.raises(UnmetNeedError, match="the template gives no text"):
        WRITER.write(TASKS[0], own)


def test_contexts_are_known_by_task_privilege_and_text() -> None:
    ids = {WRITER.write(task, use(name)).context_id for task in TASKS for name in ("hint", "answer", "solution")}
    assert len(ids) == 12
    assert WRITER.write(TASKS[0], use("unguided")).context_id is None


def test_a_broken_template_is_found_before_anything_runs() -> None:
    assert (
        template_problem("{{ answer|length }}{% for n in range(3) %}{{ family }}{{ n }}{% endfor %}", ["answer"])
        is None
    )
    assert "not a valid template" in (template_problem("{{ answer", ["answer"]) or "")
    assert (
        template_problem("{{ anwser }}", [])
        == "unknown 'anwser' (did you mean 'answer'?); allowed: question, answer, solution, family, difficulty"
    )
    with pytest.raises(InputError, match="may use"):
        fill("{{ wrong }}", question="q")


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ("What is wrong with {{ attempt }}?", None),
        ("What is wrong with {{ attempt }}, given {{ solution }}?", "unknown 'solution'"),
        ("{{ attempt ", "not a valid template"),
    ],
)
def test_a_critic_without_the_solution_cannot_be_shown_it(ask: str, expected: str | None) -> None:
    problem = note_prompt_problem(Critique(ask=ask))
    assert problem is None if expected is None else problem is not None and expected in problem
    assert note_prompt_problem(InformedCritique(ask="{{ attempt }} {{ solution }}")) is None
    assert all(note_prompt_problem(each) is None for each in LADDER if each.notes)
