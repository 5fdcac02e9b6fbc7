"""Find sections of a recipe that contradict each other, each with the key to blame.

The checks within one section are in that section's own module.
"""

from __future__ import annotations

from collections.abc import Iterator

from infogap.errors import nearest
from infogap.recipe.axis_targets import AxisTargets
from infogap.recipe.balance_section import Balance
from infogap.recipe.generate_section import Generate
from infogap.recipe.measure_section import THE_TEACHER, Measure
from infogap.recipe.pair_contradictions import (
    derived_names,
    generated,
    no_second_attempt,
    pair_contradictions,
)
from infogap.recipe.privilege_entries import PrivilegeUse
from infogap.recipe.publish_section import OF_HELD_OUT, SINGLE_ANSWERS, Publish, holds_single_answers
from infogap.recipe.recipe_errors import Contradiction
from infogap.recipe.sources import GYM_WITH_SOLUTION, FileTasks, TaskSource
from infogap.recipe.verifier_names import instruction_for, names_failing_test
from infogap.recipe.verify_section import verify_contradictions


def contradictions(sections: dict[str, object]) -> list[Contradiction]:
    """Return the combinations of sections that cannot work.

    `sections` holds the recipe's sections by key. One with errors of its own is None; one that the recipe does not have
    is absent.
    """
    problems = [*config_contradictions(sections), *_held_out_split(sections.get("balance"), sections.get("publish"))]
    problems += _unknown_derivations(sections)
    problems += verify_contradictions(sections)
    if "import" in sections:
        problems += [
            ((key,), f"a recipe with `import` takes its traces from there; remove `{key}`")
            for key in ("tasks", "teacher", "teachers", "generate")
            if key in sections
        ]
        problems += _nothing_to_top_up(sections.get("balance"))
        problems += _single_answers(sections["import"], sections.get("publish"))
        return problems + _trace_columns(sections["import"]) + _no_teacher_to_score(sections.get("measure"))
    missing = [key for key in ("tasks", "teacher", "generate") if key not in sections]
    if "teachers" in sections and "teacher" in missing:
        missing.remove("teacher")
    if missing:
        problems.append(
            ((), f"missing: {', '.join(f'`{key}`' for key in missing)} (or `import`, for traces that exist already)")
        )
    generate, tasks, balance = sections.get("generate"), sections.get("tasks"), sections.get("balance")
    if isinstance(generate, Generate):
        if isinstance(tasks, list):
            problems += _unmet_needs(generate, tasks)
            problems += _no_failing_tests(generate, tasks)
            problems += _other_instruction(generate, tasks)
        if isinstance(balance, Balance):
            problems += _mixes_of_unknown_privileges(generate, balance, derived_names(sections))
        problems += pair_contradictions(generate, sections)
        problems += no_second_attempt(generate, sections.get("publish"))
    return problems + teacher_contradictions(sections)


def _nothing_to_top_up(balance: object) -> list[Contradiction]:
    if not isinstance(balance, Balance) or balance.top_up is None:
        return []
    message = "a recipe with `import` has no teacher to generate what a mix lacks; remove `top_up`"
    return [(("balance", "top_up"), message)]


def _single_answers(sources: object, publish: object) -> list[Contradiction]:
    """Refuse configs of single answers for sources that have tools; those without that column are read first."""
    if not isinstance(sources, list) or not isinstance(publish, Publish):
        return []
    if all(source.columns.tools is None for source in sources):
        return []
    return [(("publish", "configs"), holds_single_answers(name)) for name in publish.configs if name in SINGLE_ANSWERS]


def _trace_columns(sources: object) -> list[Contradiction]:
    if not isinstance(sources, list):
        return []
    problems: list[Contradiction] = []
    for index, source in enumerate(sources):
        columns = source.columns
        if (columns.trace is None) == (columns.response is None):
            message = (
                "no column holds the traces: map `trace`, the whole text, or `response`, the part after the thinking"
                if columns.trace is None
                else "`trace` is the whole text and `response` a part of it: map one of them"
            )
            problems.append((("import", index, "columns"), message))
        elif columns.trace is not None and columns.reasoning is not None:
            message = "a `trace` includes its thinking; write `response` for the column beside `reasoning`"
            problems.append((("import", index, "columns", "reasoning"), message))
    return problems


def _no_teacher_to_score(measure: object) -> list[Contradiction]:
    if not isinstance(measure, Measure) or measure.gap is None or measure.gap.scorer != THE_TEACHER:
        return []
    message = "a recipe with `import` has no teacher; name the model that scores: `scorer: Qwen/Qwen3-1.7B`"
    return [(("measure", "gap", "scorer"), message)]


def _unmet_needs(generate: Generate, tasks: list[TaskSource]) -> list[Contradiction]:
    has_solution = any(
        source.columns.solution is not None if isinstance(source, FileTasks) else GYM_WITH_SOLUTION in source.names
        for source in tasks
    )
    if has_solution:
        return []
    return [
        (
            ("generate", "privileges", index),
            f"privilege '{use.label}' needs a worked solution, but no task source has one: "
            "map it with `columns: {solution: ...}`, or leave the privilege out",
        )
        for index, use in enumerate(generate.uses)
        if "solution" in use.needs
    ]


def _no_failing_tests(generate: Generate, tasks: list[TaskSource]) -> list[Contradiction]:
    if any(isinstance(source, FileTasks) and names_failing_test(source.verifier) for source in tasks):
        return []
    return [
        (("generate", "privileges", index), f"'{use.label}' shows failing tests, and no source has `verifier: code`")
        for index, use in enumerate(generate.uses)
        if use.privilege.shows_failing_test
    ]


def _other_instruction(generate: Generate, tasks: list[TaskSource]) -> list[Contradiction]:
    """Refuse the default instruction, which asks for a box, where it does not fit how all answers are graded."""
    wanted = {source.verifier: instruction_for(source.verifier) for source in tasks if isinstance(source, FileTasks)}
    if "instruction" in generate.model_fields_set or not wanted or not all(wanted.values()):
        return []
    name, instruction = next(iter(wanted.items()))
    message = (
        f"the default instruction asks for an answer in \\boxed{{}}, which `verifier: {name}` does not read; "
        f"write `instruction: {instruction}`, or another one"
    )
    return [(("generate",), message)]


def _unknown_derivations(sections: dict[str, object]) -> Iterator[Contradiction]:
    """Yield the changes that a mix asks for and the recipe does not make, and parents that are not generated."""
    names, balance, generate = derived_names(sections), sections.get("balance"), sections.get("generate")
    readable = "derive" not in sections or sections["derive"] is not None  # what has errors of its own names nothing
    if isinstance(balance, Balance) and readable:
        asked: list[tuple[tuple[str, ...], object]] = [(("balance", "derived"), balance.derived)]
        asked += [(("balance", "mixes", name, "derived"), mix.derived) for name, mix in (balance.mixes or {}).items()]
        for path, wanted in asked:
            for name in wanted if isinstance(wanted, list) else []:
                if name not in names:
                    known = f"it derives {', '.join(names)}" if names else "it has no `derive`"
                    yield path, f"the recipe derives nothing called '{name}'; {known}"
    derive = sections.get("derive")
    if isinstance(generate, Generate) and isinstance(derive, list):
        labels = generated(generate)
        for index, entry in enumerate(derive):
            for name in entry.change.privileges or []:
                if name not in labels:
                    place = ("derive", index, entry.kind, "privileges")
                    yield place, f"'{name}' is not generated; allowed: {', '.join(labels)}"


def _mixes_of_unknown_privileges(generate: Generate, balance: Balance, derived: list[str]) -> list[Contradiction]:
    labels = generated(generate)
    labels = [*labels, *(f"{label}/{name}" for name in derived for label in labels)]
    places: list[tuple[tuple[str | int, ...], object]] = [(("balance", "privilege"), balance.privilege)]
    places += [(("balance", "mixes", name, "privilege"), mix.privilege) for name, mix in (balance.mixes or {}).items()]
    return [
        ((*path, *within, name), f"'{name}' is not generated; allowed: {', '.join(labels)}")
        for path, targets in places
        for *within, name in _named_values(targets)
        if name not in labels
    ]


def _named_values(targets: object) -> Iterator[tuple[str, ...]]:
    """Yield the values of an axis that its targets name, each with the keys that lead to it."""
    if isinstance(targets, dict):
        yield from ((name,) for name in targets)
    if not isinstance(targets, AxisTargets):
        return
    for key in ("shares", "floor", "cap"):
        named = getattr(targets, key)
        for name, value in named.items() if isinstance(named, dict) else ():
            if isinstance(value, dict):  # shares within each value of the column in `given`
                yield from ((key, name, each) for each in value)
            else:
                yield key, name


def config_contradictions(sections: dict[str, object]) -> Iterator[Contradiction]:
    """Yield configs for which the mixes leave nothing to publish, or too much."""
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


def _held_out_split(balance: object, publish: object) -> list[Contradiction]:
    """Splits and held-out families go together: no task of theirs may be in a split with others."""
    if not isinstance(balance, Balance | None) or not isinstance(publish, Publish) or publish.splits is None:
        return []
    of_held_out = [name for name, each in publish.splits.items() if each == OF_HELD_OUT]
    hold_out = balance.hold_out if balance is not None else None
    path: tuple[str | int, ...] = ("publish", "splits", *of_held_out[:1])
    if hold_out is None and of_held_out:
        return [(path, "no family is held out: name some in `balance.hold_out`, or give the split a share")]
    if hold_out is not None and len(of_held_out) != 1:
        return [(path, "the families of `balance.hold_out` need a split of their own, one: `test: held_out`")]
    return []


def teacher_contradictions(sections: dict[str, object]) -> list[Contradiction]:
    """Return the contradictions between `teacher`, `teachers`, `generate` and `measure`.

    `sections` are those of `contradictions`.
    """
    if "teacher" in sections and "teachers" in sections:
        return [(("teachers",), "`teacher` is one model and `teachers` are several: remove one of the two keys")]
    generate, teachers = sections.get("generate"), sections.get("teachers")
    problems: list[Contradiction] = []
    if "teachers" in sections:
        problems += _no_single_scorer(sections.get("measure"))
    if not isinstance(generate, Generate):
        return problems
    if "teacher" in sections:
        return problems + list(_named_without_teachers(generate))
    if isinstance(teachers, dict):
        names = list(teachers)
        unknown = list(_unknown(generate, names))
        problems += unknown or [*_without_work(generate, names), *_attempts_of_others(generate, names)]
    return problems


def _no_single_scorer(measure: object) -> list[Contradiction]:
    if not isinstance(measure, Measure) or measure.gap is None or measure.gap.scorer != THE_TEACHER:
        return []
    message = "`teachers` are several models; name the one that scores every trace: `scorer: Qwen/Qwen3-1.7B`"
    return [(("measure", "gap", "scorer"), message)]


def _named_without_teachers(generate: Generate) -> Iterator[Contradiction]:
    several = "list several under `teachers`, each with a name"
    if generate.one_teacher_per_task:
        yield ("generate", "one_teacher_per_task"), f"the recipe has one `teacher`; {several}, or leave this key out"
    for place, use in _uses(generate):
        if use.teachers:
            yield place, f"'{use.label}' names a teacher, but the recipe's one `teacher` has no name; {several}"
        if use.note_writer:
            yield place, f"'{use.label}' names who writes, but the recipe's one `teacher` has no name; {several}"


def _unknown(generate: Generate, teachers: list[str]) -> Iterator[Contradiction]:
    for place, use in _uses(generate):
        for name in use.teachers:
            if name not in teachers:
                allowed = f"allowed: {', '.join(teachers)}{nearest(name, teachers)}"
                yield place, f"'{use.label}' is answered by '{name}', which is not one of `teachers`; {allowed}"
        if use.note_writer and use.note_writer not in teachers:
            allowed = f"allowed: {', '.join(teachers)}{nearest(use.note_writer, teachers)}"
            yield place, f"for '{use.label}' writes '{use.note_writer}', which is not one of `teachers`; {allowed}"


def _without_work(generate: Generate, teachers: list[str]) -> Iterator[Contradiction]:
    writers = {use.note_writer for use in generate.uses}
    for name in teachers:
        if not generate.uses_of(name) and name not in writers:
            yield ("teachers", name), "answers under no privilege; name it in one, or remove it"


def _attempts_of_others(generate: Generate, teachers: list[str]) -> Iterator[Contradiction]:
    """Refuse a privilege that shows a teacher its own attempts if it makes none."""
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
