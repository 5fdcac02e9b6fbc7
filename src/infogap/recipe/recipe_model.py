"""The recipe: one YAML file that says what a dataset is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from infogap.recipe.balance_section import Balance
from infogap.recipe.base import Model, is_none
from infogap.recipe.decontaminate_section import Decontaminate
from infogap.recipe.dedupe_section import Dedupe
from infogap.recipe.derive_section import Derivation, names_differ
from infogap.recipe.generate_section import Generate
from infogap.recipe.measure_section import Measure
from infogap.recipe.publish_section import Publish
from infogap.recipe.sources import FileTasks, TaskSource, TraceImport
from infogap.recipe.teacher_section import AnyTeacher, Teacher, TeacherName
from infogap.recipe.verify_section import Verify


class Recipe(Model):
    """Everything that a run depends on: either tasks, teacher (or teachers) and generate, or import."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100, description="The run's folder: runs/NAME."
    )
    extends: str | None = Field(
        None,
        min_length=1,
        exclude=True,
        description="A recipe, by its path from here, that this one is merged into: mappings merge, all else replaces "
        "what is there, null removes it. A recipe that is read in has it no more.",
    )
    seed: int = Field(0, ge=0, lt=2**63)
    tasks: list[TaskSource] | None = Field(None, min_length=1)
    teacher: Teacher | None = None
    teachers: dict[TeacherName, Teacher] | None = Field(
        None,
        min_length=1,
        exclude_if=is_none,
        description="Several teachers, in place of `teacher`; their traces carry these names.",
    )
    generate: Generate | None = None
    import_: list[TraceImport] | None = Field(None, alias="import", min_length=1)
    verify: Verify | None = Field(
        None, exclude_if=is_none, description="The rules of `verifier: consensus` and `verifier: judge`."
    )
    derive: Annotated[list[Derivation], AfterValidator(names_differ)] | None = Field(
        None, min_length=1, exclude_if=is_none, description="New traces made from the run's traces, by rule."
    )
    measure: Measure = Measure()
    dedupe: Dedupe | None = Dedupe()
    decontaminate: Decontaminate | None = Field(None, description="Evaluation sets to compare with; by default none.")
    balance: Balance = Balance()
    publish: Publish = Publish()

    @property
    def imports(self) -> bool:
        """True if traces are imported rather than generated."""
        return self.import_ is not None

    @property
    def publishes_leaking_text(self) -> bool:
        """Whether the text of leaking traces is published: where a mix keeps them, or `traces` is to show it."""
        return self.publish.leaking_text or any(mix.leak == "keep" for _, mix in self.balance.named_mixes())

    @property
    def every_teacher(self) -> dict[str, AnyTeacher]:
        """The teachers by their names in the recipe; a single `teacher` has no name and is under ''."""
        return {**self.teachers} if self.teachers else {"": self.teacher} if self.teacher else {}

    @property
    def tracing_teachers(self) -> list[str]:
        """The names of the teachers that write traces: others only write critiques or lessons."""
        return [name for name in self.every_teacher if self.generate is not None and self.generate.uses_of(name)]

    @property
    def table_sources(self) -> list[FileTasks] | list[TraceImport]:
        """The sources that are files or datasets."""
        if self.import_ is not None:
            return self.import_
        return [source for source in self.tasks or [] if isinstance(source, FileTasks)]
