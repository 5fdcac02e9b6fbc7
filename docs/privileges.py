"""Write docs/privileges.md: what the teacher reads under every privilege, for one task, in both wordings.

python docs/privileges.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from infogap.privileges.base import Attempt, Privilege
from infogap.privileges.contexts import ContextWriter, reference_prompt, teacher_prompt
from infogap.privileges.decoys import Decoys
from infogap.privileges.ladder import ladder
from infogap.recipe.generate_section import DEFAULT_INSTRUCTION
from infogap.recipe.privilege_entries import PrivilegeUse

PAGE = Path(__file__).with_suffix(".md")
WORDINGS = ("infogap", "kim2026")
_COLUMNS = ("task_id", "question", "answer", "solution")
_ROWS = (
    (
        "jars",
        "A shelf holds 4 boxes of 6 jars each. Five of the jars are broken. How many jars are whole?",
        "19",
        "Each of the 4 boxes holds 6 jars, so the shelf holds $4 \\times 6 = 24$ jars.\n"
        "Five of them are broken.\nSo $24 - 5 = \\boxed{19}$ jars are whole.",
    ),
    (
        "rope",
        "A rope of 90 metres is cut into 6 equal pieces, and 2 of them are sold. How many metres are sold?",
        "30",
        "Each of the 6 pieces is $90 / 6 = 15$ metres long.\nTwo of them are sold.\n"
        "So $2 \\times 15 = \\boxed{30}$ metres are sold.",
    ),
)
TASKS: list[dict[str, Any]] = [
    dict(zip(_COLUMNS, row, strict=True)) | {"family": "word problems", "difficulty": None, "verifier": "math"}
    for row in _ROWS
]
RIGHT = Attempt(
    "4 times 6 is 24. Wait, five are broken, so fewer: 24 - 5 = 19.",
    "There are 24 jars, of which 5 are broken. The answer is \\boxed{19}.",
    right=True,
)
WRONG = Attempt("4 times 6 is 24.", "There are \\boxed{24} jars.", right=False)
WRONG_AGAIN = Attempt("Perhaps 4 + 6?", "There are $4 + 6 + 5 = \\boxed{15}$ jars.", right=False)

# Privileges with options that change what is shown, besides the one without options.
VARIANTS: dict[str, list[tuple[dict[str, Any], Sequence[Attempt]]]] = {
    "hint": [({"steps": 2}, ())],
    "verifier": [({"turns": 2, "verdict": "answer"}, (WRONG, WRONG_AGAIN))],
    "confident_rewrite": [({"from": "unguided"}, (RIGHT,))],
}

INTRODUCTION = """\
# What the teacher reads under every privilege

Made by `python docs/privileges.py` from the code and the template sets in `src/infogap/privileges/wordings/`. The same
for a task of your own run: `infogap privileges show PRIVILEGE --run RUN --task ID`.

Every prompt is the student's prompt (the question, and the recipe's instruction) with the context between the two. The
frame and the instruction are those of the template set for all privileges alike; what differs is the context, which
names what is shown and asks for nothing. `confident_rewrite` alone says how to write: it is the extreme of style.
How to add a privilege of your own: [extending.md](extending.md).
`wording: infogap` is the default, `wording: kim2026` the words of Kim et al. 2026 (arXiv 2603.24472).

The task of the examples:

| | |
| --- | --- |
"""
CONTROLS = """\
A control is worded like the privilege that it imitates and knows nothing of the task's answer: what it changes in
traces is style, not knowledge. A decoy answer has the gold answer's form and is wrong by the task's verifier; a decoy
solution is another task's of the same family, near in length; irrelevant text has the solution's length.
"""


def page() -> str:
    """The whole page."""
    task = TASKS[0]
    told = {
        "question": task["question"],
        "answer": task["answer"],
        "solution": task["solution"],
        "a right attempt": f"(thought) {RIGHT.reasoning} (response) {RIGHT.response}",
        "a wrong attempt": f"(thought) {WRONG.reasoning} (response) {WRONG.response}",
    }
    facts = "".join(f"| {name} | {' '.join(text.split())} |\n" for name, text in told.items())
    return INTRODUCTION + facts + "\n" + "\n".join("\n".join(_section(privilege)) for privilege in ladder())


def _section(privilege: Privilege) -> Iterator[str]:
    role = "" if privilege.role == "privilege" else f" ({privilege.role})"
    yield f"## {privilege.name}{role}\n"
    needs = "attempts" if privilege.attempts else " and ".join(privilege.needs) or "nothing"
    yield f"Richness {privilege.richness:g}. The teacher sees {privilege.shows}. Needs {needs}.\n"
    if privilege.imitates == "answer":
        yield CONTROLS
    default: Sequence[Attempt] = (WRONG,) if privilege.attempts == "wrong" else (RIGHT, WRONG)
    for options, attempts in [({}, default), *VARIANTS.get(privilege.name, [])]:
        fields = {f"{key}_" if key == "from" else key: value for key, value in options.items()}
        with_options = replace(privilege, **fields) if fields else privilege  # type: ignore[type-var]
        for wording in WORDINGS:
            shown = f"```text\n{prompt(with_options, attempts, wording)}\n```"
            yield f"{_recipe(privilege.name, options)}, `wording: {wording}`:\n\n{shown}\n"


def _recipe(name: str, options: dict[str, Any]) -> str:
    written = ", ".join(f"{key}: {value}" for key, value in options.items())
    return f"`{name}: {{{written}}}`" if written else f"`{name}`"


def prompt(privilege: Privilege, attempts: Sequence[Attempt], wording: str) -> str:
    """What the teacher reads for the example task."""
    use = PrivilegeUse.of(privilege.name, privilege)
    context = ContextWriter(wording, Decoys(0, TASKS)).write(TASKS[0], use, attempts).text
    if privilege.scoring:
        return reference_prompt(context, DEFAULT_INSTRUCTION, wording)
    return teacher_prompt(TASKS[0]["question"], context, DEFAULT_INSTRUCTION, wording)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
