"""Prompts: one frame and one instruction for all privileges, which differ in the context alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infogap.errors import UserError
from infogap.privilege.decoys import Decoys
from infogap.privilege.ladder import LADDER
from infogap.privilege.render import ContextWriter, UnmetNeedError, student_prompt, teacher_prompt
from infogap.privilege.wording import fill, load_wording, template_problem
from infogap.recipe.generate import PrivilegeOptions, PrivilegeUse

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
WRITER = ContextWriter("infogap", Decoys(0, TASKS))


def use(name: str, **options: Any) -> PrivilegeUse:
    return PrivilegeUse(name=name, label=name, options=PrivilegeOptions(**options))


@given(st.text(), st.text(), st.sampled_from(["infogap", "kim2026"]))
def test_an_empty_context_gives_the_students_prompt(question: str, instruction: str, wording: str) -> None:
    assert teacher_prompt(question, "", instruction, wording) == student_prompt(question, instruction)


@pytest.mark.parametrize("wording", ["infogap", "kim2026"])
def test_every_privilege_has_its_words(wording: str) -> None:
    words = load_wording(wording).contexts
    assert words.keys() == {each.name for each in LADDER if each.imitates is None and each.name != "unguided"}


def test_the_words_of_kim_et_al_surround_the_solution() -> None:
    context = ContextWriter("kim2026", Decoys(0, TASKS)).write(TASKS[2], use("solution")).text
    assert teacher_prompt("What is 2 + 1?", context, "Answer.", "kim2026") == (
        "What is 2 + 1?\n\nCorrect solution: We add one to 2. This gives 3.\n\n"
        "Correctly solve the original question.\n\nAnswer."
    )


@pytest.mark.parametrize("wording", ["infogap", "kim2026"])
@pytest.mark.parametrize("privilege", LADDER, ids=lambda privilege: privilege.name)
def test_taking_the_context_out_leaves_the_students_prompt(privilege: Any, wording: str) -> None:
    task = TASKS[2]
    context = ContextWriter(wording, Decoys(0, TASKS)).write(task, use(privilege.name)).text
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


def test_no_context_asks_for_brevity_or_care() -> None:
    contexts = load_wording("infogap").contexts | load_wording("kim2026").contexts
    for name, text in contexts.items():
        assert name == "confident_rewrite" or not {"short", "brief", "concise", "careful", "directly", "step"} & set(
            text.lower().split()
        )


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
        with pytest.raises(UserError):
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
    with pytest.raises(UserError, match="may use"):
        fill("{{ wrong }}", question="q")
