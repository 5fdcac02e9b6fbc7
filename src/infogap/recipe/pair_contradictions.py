"""Find what keeps pairs of traces from existing: of the configs `preference`, `recovery` and `recovery_trace`."""

from __future__ import annotations

from collections.abc import Iterator

from infogap.errors import nearest
from infogap.recipe.balance_section import Balance
from infogap.recipe.generate_section import Generate
from infogap.recipe.preference_pairs import SIDES, Preference
from infogap.recipe.publish_section import Publish
from infogap.recipe.recipe_errors import Contradiction

_PLACE = ("publish", "preference")


def pair_contradictions(generate: Generate, sections: dict[str, object]) -> list[Contradiction]:
    """Return what keeps every preference pair from existing; `sections` are those of `contradictions`."""
    publish, teachers = sections.get("publish"), sections.get("teachers")
    if not isinstance(publish, Publish) or "preference" not in publish.configs:
        return []
    pairs = publish.preference
    names = [*teachers] if isinstance(teachers, dict) else []
    if pairs is None:
        return list(_without_a_second_trace(generate, None))
    derived = derived_names(sections)
    unknown = [*_unknown_privileges(generate, pairs, derived), *_unknown_teachers(pairs, names, "teachers" in sections)]
    if unknown:
        return unknown
    unused = [*_in_no_mix(generate, pairs, sections), *_never_answered(generate, pairs, names, derived)]
    return unused or list(_without_a_second_trace(generate, pairs))


def _in_no_mix(generate: Generate, pairs: Preference, sections: dict[str, object]) -> Iterator[Contradiction]:
    """Refuse pairs with derived traces if no mix takes any."""
    balance = sections.get("balance", Balance())
    if not isinstance(balance, Balance) or any(mix.derived != "drop" for _, mix in balance.named_mixes()):
        return
    known, message = generated(generate), "'{}' is of derived traces, which are in no mix; set `balance.derived: keep`"
    for side in SIDES:
        wanted = [name for name in pairs.sides[side].privilege or [] if name not in known]
        yield from (((*_PLACE, side, "privilege"), message.format(name)) for name in wanted)


def _without_a_second_trace(generate: Generate, pairs: Preference | None) -> Iterator[Contradiction]:
    """Refuse pairs within one task, privilege and teacher if each of these has a single trace."""
    if _gives_several(generate) or (pairs is not None and pairs.crosses):
        return
    what = "two traces" if pairs is not None and pairs.by == "band" else "a correct with a wrong trace"
    message = (
        f"`preference` pairs {what} of one task and privilege, and `generate.samples: 1` gives "
        "one trace of each; raise it, or leave `preference` out"
    )
    yield ("publish", "configs"), message


def _gives_several(generate: Generate) -> bool:
    """Return True if a task can have several traces of one privilege by one teacher."""
    several = generate.samples > 1 or any(use.turns > 1 for use in generate.uses)
    several |= generate.until is not None and generate.until.max_attempts > 1
    return several or (generate.select is not None and generate.select.samples > 1)


def no_second_attempt(generate: Generate, publish: object) -> Iterator[Contradiction]:
    """Refuse to pair a wrong with a corrected attempt if every task has a single trace."""
    asked = [
        name for name in ("recovery", "recovery_trace") if isinstance(publish, Publish) and name in publish.configs
    ]
    if asked and len(generated(generate)) == 1 and not _gives_several(generate):
        message = (
            f"`{asked[0]}` pairs a wrong with a corrected attempt, and each task has one trace; raise "
            "`generate.samples`, or add the privilege `verifier`, whose teacher corrects its own wrong attempt"
        )
        yield ("publish", "configs"), message


def _unknown_privileges(generate: Generate, pairs: Preference, derived: list[str]) -> Iterator[Contradiction]:
    labels = [each for label in generated(generate) for each in with_derived(label, derived)]
    for side in SIDES:
        for name in pairs.sides[side].privilege or []:
            if name not in labels:
                allowed = f"allowed: {', '.join(labels)}{nearest(name, labels)}"
                yield (*_PLACE, side, "privilege"), f"'{name}' is not generated; {allowed}"


def with_derived(label: str, derived: list[str]) -> list[str]:
    """Return a privilege, and those of the traces that are derived from its own."""
    return [label, *(f"{label}/{name}" for name in derived)]


def generated(generate: Generate) -> list[str]:
    """Return the labels of the privileges under which traces are generated."""
    labels = [use.label for use in generate.uses]
    if generate.select is not None and generate.unguided.label not in labels:
        labels.insert(0, generate.unguided.label)
    return labels


def _unknown_teachers(pairs: Preference, teachers: list[str], several: bool) -> Iterator[Contradiction]:
    if several and not teachers:  # the section has errors of its own
        return
    for side in SIDES:
        for name in pairs.sides[side].teacher or []:
            if not several:
                message = "the recipe has one `teacher`, which writes every trace; leave this out"
                yield (*_PLACE, side, "teacher"), message
            elif name not in teachers:
                allowed = f"allowed: {', '.join(teachers)}{nearest(name, teachers)}"
                yield (*_PLACE, side, "teacher"), f"'{name}' is not one of `teachers`; {allowed}"


def _never_answered(
    generate: Generate, pairs: Preference, teachers: list[str], derived: list[str]
) -> Iterator[Contradiction]:
    """Refuse a side whose teachers never answer under its privileges, and sides without a teacher in common."""
    if not teachers:
        return
    answers = {side: _who_answers(generate, pairs, side, teachers, derived) for side in SIDES}
    for side, problems in answers.items():
        if not problems:
            yield (*_PLACE, side), "none of these teachers answers under these privileges: no trace fits this side"
            return
    if generate.one_teacher_per_task and not _in_common(answers, 0):
        message = "`one_teacher_per_task` gives each task one teacher, so a pair cannot have two"
        yield (*_PLACE, "rejected"), message
        return
    for index, name in enumerate(("teacher", "privilege")):
        if name not in pairs.named and not _in_common(answers, index):
            message = f"the traces of the two sides have no {name} in common; name `{name}` on both to pair across them"
            yield _PLACE, message


def _in_common(answers: dict[str, set[tuple[str, str]]], index: int) -> set[str]:
    chosen, rejected = ({each[index] for each in answers[side]} for side in SIDES)
    return chosen & rejected


def _who_answers(
    generate: Generate, pairs: Preference, side: str, teachers: list[str], derived: list[str]
) -> set[tuple[str, str]]:
    """Return the teachers, each with a privilege, whose traces can stand on a side."""
    named = pairs.sides[side]
    probed = {(teacher, generate.unguided.label) for teacher in teachers} if generate.select is not None else set()
    answered = {(teacher, use.label) for use in generate.uses for teacher in teachers if use.answered_by(teacher)}
    return {
        (teacher, privilege)
        for teacher, label in answered | probed
        for privilege in with_derived(label, derived)
        if teacher in (named.teacher or teachers) and privilege in (named.privilege or [privilege])
    }


def derived_names(sections: dict[str, object]) -> list[str]:
    derive = sections.get("derive")
    return [entry.name for entry in derive] if isinstance(derive, list) else []
