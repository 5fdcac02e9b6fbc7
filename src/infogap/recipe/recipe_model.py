"""The recipe: one YAML file that says what a dataset is made of."""

from __future__ import annotations

from pydantic import Field

from infogap.recipe.balance_section import Balance
from infogap.recipe.base import Model
from infogap.recipe.contradictions import generated, pair_contradictions, teacher_contradictions
from infogap.recipe.decontaminate_section import Decontaminate
from infogap.recipe.dedupe_section import Dedupe
from infogap.recipe.generate_section import Generate
from infogap.recipe.measure_section import THE_TEACHER, Measure
from infogap.recipe.publish_section import OF_HELD_OUT, Publish
from infogap.recipe.sources import FileTasks, TaskSource, TraceImport
from infogap.recipe.teacher_section import AnyTeacher, Teacher, TeacherName


class Recipe(Model):
    """Everything that a run depends on. Either tasks, teacher (or teachers) and generate, or import."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="The run's folder: runs/NAME.")
    seed: int = Field(0, ge=0, lt=2**63)
    tasks: list[TaskSource] | None = Field(None, min_length=1)
    teacher: Teacher | None = None
    teachers: dict[TeacherName, Teacher] | None = Field(
        None,
        min_length=1,
        exclude_if=lambda teachers: teachers is None,
        description="Several, each under the name that its traces have; in place of `teacher`.",
    )
    generate: Generate | None = None
    import_: list[TraceImport] | None = Field(None, alias="import", min_length=1)
    measure: Measure = Measure()
    dedupe: Dedupe | None = Dedupe()
    decontaminate: Decontaminate | None = Field(None, description="Without it nothing is compared.")
    balance: Balance = Balance()
    publish: Publish = Publish()

    @property
    def imports(self) -> bool:
        """Whether traces are imported rather than generated."""
        return self.import_ is not None

    @property
    def every_teacher(self) -> dict[str, AnyTeacher]:
        """The teachers by their names in the recipe; the one of `teacher` has none, and is under ''."""
        return {**self.teachers} if self.teachers else {"": self.teacher} if self.teacher else {}

    @property
    def table_sources(self) -> list[FileTasks] | list[TraceImport]:
        """The sources that are files or datasets."""
        if self.import_ is not None:
            return self.import_
        return [source for source in self.tasks or [] if isinstance(source, FileTasks)]


Path = tuple[str | int, ...]


def contradictions(sections: dict[str, object]) -> list[tuple[Path, str]]:
    """What no single section can see: combinations that cannot work, each with the key to blame.

    `sections` holds those sections (by their key in the recipe) that are valid in themselves; a section
    that the recipe does not have is absent, one with errors of its own is present as None.
    """
    found = _held_out_split(sections.get("balance"), sections.get("publish"))
    if "import" in sections:
        found += [
            ((key,), f"a recipe with `import` takes its traces from there; remove `{key}`")
            for key in ("tasks", "teacher", "teachers", "generate")
            if key in sections
        ]
        found += _nothing_to_top_up(sections.get("balance"))
        return found + _trace_columns(sections["import"]) + _no_teacher_to_score(sections.get("measure"))
    missing = [key for key in ("tasks", "teacher", "generate") if key not in sections]
    if "teachers" in sections and "teacher" in missing:
        missing.remove("teacher")
    if missing:
        found.append(
            ((), f"missing: {', '.join(f'`{key}`' for key in missing)} (or `import`, for traces that exist already)")
        )
    generate, tasks, balance = sections.get("generate"), sections.get("tasks"), sections.get("balance")
    if isinstance(generate, Generate):
        if isinstance(tasks, list):
            found += _unmet_needs(generate, tasks)
        if isinstance(balance, Balance):
            found += _unknown_privileges(generate, balance)
        found += pair_contradictions(generate, sections)
    return found + teacher_contradictions(sections)


def _nothing_to_top_up(balance: object) -> list[tuple[Path, str]]:
    if not isinstance(balance, Balance) or balance.top_up is None:
        return []
    message = "a recipe with `import` has no teacher that could generate what a mix lacks; remove `top_up`"
    return [(("balance", "top_up"), message)]


def _held_out_split(balance: object, publish: object) -> list[tuple[Path, str]]:
    """Splits and held-out families go together: no task of theirs may be in a split with others."""
    if not isinstance(balance, Balance | None) or not isinstance(publish, Publish) or publish.splits is None:
        return []
    of_held_out = [name for name, each in publish.splits.items() if each == OF_HELD_OUT]
    hold_out = balance.hold_out if balance is not None else None
    path: Path = ("publish", "splits", *of_held_out[:1])
    if hold_out is None and of_held_out:
        return [(path, "no family is held out: name some in `balance.hold_out`, or give the split a share")]
    if hold_out is not None and len(of_held_out) != 1:
        return [(path, "the families of `balance.hold_out` need a split of their own, one: `test: held_out`")]
    return []


def _trace_columns(sources: object) -> list[tuple[Path, str]]:
    if not isinstance(sources, list):
        return []
    found: list[tuple[Path, str]] = []
    for index, source in enumerate(sources):
        columns = source.columns
        if (columns.trace is None) == (columns.response is None):
            message = (
                "no column has the traces: map `trace`, the whole text, or `response`, the part after the thinking"
                if columns.trace is None
                else "`trace` is the whole text and `response` a part of it: map one of them"
            )
            found.append((("import", index, "columns"), message))
        elif columns.trace is not None and columns.reasoning is not None:
            message = "a `trace` has its thinking in it; write `response` for the column beside `reasoning`"
            found.append((("import", index, "columns", "reasoning"), message))
    return found


def _no_teacher_to_score(measure: object) -> list[tuple[Path, str]]:
    if not isinstance(measure, Measure) or measure.gap is None or measure.gap.scorer != THE_TEACHER:
        return []
    message = "a recipe with `import` has no teacher; name the model that scores: `scorer: Qwen/Qwen3-1.7B`"
    return [(("measure", "gap", "scorer"), message)]


# The only reasoning-gym dataset whose entries come with a worked solution in prose.
GYM_WITH_SOLUTION = "gsm_symbolic"


def _unmet_needs(generate: Generate, tasks: list[TaskSource]) -> list[tuple[Path, str]]:
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


def _unknown_privileges(generate: Generate, balance: Balance) -> list[tuple[Path, str]]:
    labels = generated(generate)
    places: list[tuple[Path, object]] = [(("balance", "privilege"), balance.privilege)]
    places += [(("balance", "mixes", name, "privilege"), mix.privilege) for name, mix in (balance.mixes or {}).items()]
    return [
        ((*path, name), f"'{name}' is not generated; allowed: {', '.join(labels)}")
        for path, asked in places
        for name in (asked if isinstance(asked, dict) else ())
        if name not in labels
    ]
