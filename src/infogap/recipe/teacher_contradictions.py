"""What a recipe says of its teachers that cannot be: names that are none, teachers without work, attempts of others."""

from __future__ import annotations

from collections.abc import Iterator

from infogap.errors import nearest
from infogap.recipe.generate_section import Generate
from infogap.recipe.measure_section import THE_TEACHER, Measure
from infogap.recipe.privilege_entries import PrivilegeUse

Found = tuple[tuple[str | int, ...], str]  # the key to blame, and the sentence


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
