"""Find what a recipe says of its teachers, its preference pairs and its published configs that cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from infogap.errors import nearest
from infogap.recipe.balance_section import Balance
from infogap.recipe.generate_section import Generate
from infogap.recipe.measure_section import THE_TEACHER, Measure
from infogap.recipe.preference_pairs import SIDES, Preference
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.recipe.publish_section import Publish

Found = tuple[tuple[str | int, ...], str]  # the key to blame, and the sentence
_PLACE = ("publish", "preference")


def pair_contradictions(generate: Generate, sections: dict[str, object]) -> list[Found]:
    """Pairs that cannot exist by what is generated; `sections` are those of `contradictions`."""
    publish, teachers = sections.get("publish"), sections.get("teachers")
    if not isinstance(publish, Publish) or "preference" not in publish.configs:
        return []
    pairs = publish.preference
    names = [*teachers] if isinstance(teachers, dict) else []
    if pairs is None:
        return list(_without_a_second_trace(generate, None))
    unknown = [*_unknown_privileges(generate, pairs), *_unknown_teachers(pairs, names, "teachers" in sections)]
    if unknown:
        return unknown
    return list(_never_answered(generate, pairs, names)) or list(_without_a_second_trace(generate, pairs))


def config_contradictions(sections: dict[str, object]) -> Iterator[Found]:
    """Configs that the mixes leave nothing to publish in, or too much; `sections` are those of `contradictions`."""
    publish, balance = sections.get("publish"), sections.get("balance", Balance())
    if not isinstance(publish, Publish) or not isinstance(balance, Balance):
        return
    if "held_out" in publish.configs and balance.hold_out is None:
        message = (
            "`held_out` has the tasks of families that no mix has; hold some out: `balance: {hold_out: {families: 2}}`"
        )
        yield ("publish", "configs"), message
    if publish.rl is None:
        return
    for name, mix in balance.named_mixes():
        tasks = mix.coverage.task_count if mix.coverage is not None else None
        if tasks is not None and tasks > publish.rl.repeat_to:
            of_mix = f" of the mix `{name}`" if balance.mixes else ""
            message = f"{publish.rl.repeat_to:,} rows cannot hold the {tasks:,} tasks{of_mix}; raise it"
            yield ("publish", "rl", "repeat_to"), message
            return


def _without_a_second_trace(generate: Generate, pairs: Preference | None) -> Iterator[Found]:
    """A pair that crosses nothing is of one task, privilege and teacher, which one trace alone cannot be."""
    several = generate.samples > 1 or any(use.turns > 1 for use in generate.uses)
    several |= generate.until is not None and generate.until.max_attempts > 1
    several |= generate.select is not None and generate.select.samples > 1
    if several or (pairs is not None and pairs.crosses):
        return
    what = "two traces" if pairs is not None and pairs.by == "band" else "a correct with a wrong trace"
    message = (
        f"`preference` pairs {what} of one task and privilege, and `generate.samples: 1` gives "
        "one trace of each; raise it, or leave `preference` out"
    )
    yield ("publish", "configs"), message


def _unknown_privileges(generate: Generate, pairs: Preference) -> Iterator[Found]:
    labels = generated(generate)
    for side in SIDES:
        for name in pairs.sides[side].privilege or []:
            if name not in labels:
                allowed = f"allowed: {', '.join(labels)}{nearest(name, labels)}"
                yield (*_PLACE, side, "privilege"), f"'{name}' is not generated; {allowed}"


def generated(generate: Generate) -> list[str]:
    """The privileges under which there are traces, by label."""
    labels = [use.label for use in generate.uses]
    if generate.select is not None and generate.unguided.label not in labels:
        labels.insert(0, generate.unguided.label)
    return labels


def _unknown_teachers(pairs: Preference, teachers: list[str], several: bool) -> Iterator[Found]:
    if several and not teachers:  # the section has errors of its own
        return
    for side in SIDES:
        for name in pairs.sides[side].teacher or []:
            if not several:
                message = "the recipe has one `teacher`, of which every trace is; leave this out"
                yield (*_PLACE, side, "teacher"), message
            elif name not in teachers:
                allowed = f"allowed: {', '.join(teachers)}{nearest(name, teachers)}"
                yield (*_PLACE, side, "teacher"), f"'{name}' is none of `teachers`; {allowed}"


def _never_answered(generate: Generate, pairs: Preference, teachers: list[str]) -> Iterator[Found]:
    """A side whose teachers do not answer under its privileges, and sides that no teacher has in common."""
    if not teachers:
        return
    answers = {side: _who_answers(generate, pairs, side, teachers) for side in SIDES}
    for side, found in answers.items():
        if not found:
            yield (*_PLACE, side), "none of these teachers answers under these privileges: no trace can stand here"
            return
    if generate.one_teacher_per_task and not _in_common(answers, 0):
        message = "`one_teacher_per_task` gives each task one teacher, and a pair is of one task: no pair has two"
        yield (*_PLACE, "rejected"), message
        return
    for index, name in enumerate(("teacher", "privilege")):
        if name not in pairs.named and not _in_common(answers, index):
            message = f"the traces of the two sides have no {name} in common; name `{name}` on each to pair across them"
            yield _PLACE, message


def _in_common(answers: dict[str, set[tuple[str, str]]], index: int) -> set[str]:
    chosen, rejected = ({each[index] for each in answers[side]} for side in SIDES)
    return chosen & rejected


def _who_answers(generate: Generate, pairs: Preference, side: str, teachers: list[str]) -> set[tuple[str, str]]:
    """The teachers, each with a privilege, of whose traces this side can be."""
    named = pairs.sides[side]
    probed = {(teacher, generate.unguided.label) for teacher in teachers} if generate.select is not None else set()
    answered = {(teacher, use.label) for use in generate.uses for teacher in teachers if use.answered_by(teacher)}
    return {
        (teacher, privilege)
        for teacher, privilege in answered | probed
        if teacher in (named.teacher or teachers) and privilege in (named.privilege or [privilege])
    }


def teacher_contradictions(sections: dict[str, object]) -> list[Found]:
    """Combinations of `teacher`, `teachers`, `generate` and `measure` that cannot work.

    `sections` are those of `contradictions`: None where a section has errors of its own.
    """
    if "teacher" in sections and "teachers" in sections:
        return [(("teachers",), "`teacher` is one model and `teachers` are several: remove one of the two keys")]
    generate, teachers = sections.get("generate"), sections.get("teachers")
    found: list[Found] = []
    if "teachers" in sections:
        found += _no_single_scorer(sections.get("measure"))
    if not isinstance(generate, Generate):
        return found
    if "teacher" in sections:
        return found + list(_named_without_teachers(generate))
    if isinstance(teachers, dict):
        names = list(teachers)
        unknown = list(_unknown(generate, names))
        found += unknown or [*_without_work(generate, names), *_attempts_of_others(generate, names)]
    return found


def _no_single_scorer(measure: object) -> list[Found]:
    if not isinstance(measure, Measure) or measure.gap is None or measure.gap.scorer != THE_TEACHER:
        return []
    message = "`teachers` are several models; name the one that scores every trace: `scorer: Qwen/Qwen3-1.7B`"
    return [(("measure", "gap", "scorer"), message)]


def _named_without_teachers(generate: Generate) -> Iterator[Found]:
    several = "list several under `teachers`, each with a name"
    if generate.one_teacher_per_task:
        yield ("generate", "one_teacher_per_task"), f"the recipe has one `teacher`; {several}, or leave this key out"
    for place, use in _uses(generate):
        if use.teachers:
            yield place, f"'{use.label}' names a teacher, and the recipe has one `teacher` without a name; {several}"


def _unknown(generate: Generate, teachers: list[str]) -> Iterator[Found]:
    for place, use in _uses(generate):
        for name in use.teachers:
            if name not in teachers:
                allowed = f"allowed: {', '.join(teachers)}{nearest(name, teachers)}"
                yield place, f"'{use.label}' is answered by '{name}', which is none of `teachers`; {allowed}"


def _without_work(generate: Generate, teachers: list[str]) -> Iterator[Found]:
    for name in teachers:
        if not generate.uses_of(name):
            yield ("teachers", name), "answers under no privilege; name it there, or leave it out"


def _attempts_of_others(generate: Generate, teachers: list[str]) -> Iterator[Found]:
    """A privilege shows a teacher its own attempts: it must have made some."""
    by_label = {use.label: use for use in generate.uses}
    if generate.select is not None:
        by_label.pop(generate.unguided.label, None)  # every teacher is probed under it
    for place, use in _uses(generate):
        source = by_label.get(use.source or "")
        if source is None:
            continue
        for name in teachers:
            if use.answered_by(name) and not source.answered_by(name):
                yield (
                    place,
                    f"'{use.label}' shows a teacher's own attempts under '{source.label}', under which '{name}' does "
                    f"not answer; add `teacher: {name}` there, or name other teachers here",
                )


def _uses(generate: Generate) -> Iterator[tuple[tuple[str | int, ...], PrivilegeUse]]:
    for index, use in enumerate(generate.uses):
        yield ("generate", "privileges", index), use
