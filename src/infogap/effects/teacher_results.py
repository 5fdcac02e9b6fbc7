"""The results of one teacher: tables of values, and the same as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from infogap.effects.compared_traces import Quantity
from infogap.effects.paired_differences import Difference
from infogap.effects.pass_at_k import Passes, TaskPasses, by_task
from infogap.privileges.ladder import Contrast

if TYPE_CHECKING:
    from infogap.effects.privilege_worth import Worth


@dataclass(frozen=True)
class Means:
    """One privilege's answered traces: counts, and the mean of each quantity over those that have it."""

    privilege: str
    role: str  # privilege | control | style
    tasks: int
    traces: int
    failed: int
    graded: int
    truncated: int
    of: dict[Quantity, float | None]


@dataclass(frozen=True)
class ContrastDifference:
    """A difference between a privilege and a control, and what it shows."""

    contrast: Contrast
    difference: Difference

    @property
    def name(self) -> str:
        return f"{self.difference.privilege} - {self.difference.against}"


@dataclass(frozen=True)
class Effects:
    """One teacher's tables. `unguided` is the recipe's name of that privilege; None if no trace is under it."""

    teacher: str
    unguided: str | None
    unit: str  # of lengths: tokens | words
    quantities: list[Quantity]
    means: list[Means]
    differences: list[Difference]
    contrasts: list[ContrastDifference]
    passes: list[Passes]
    task_counts: pl.DataFrame = field(repr=False, compare=False)  # from `pass_counts`
    about_tasks: pl.DataFrame = field(repr=False, compare=False)  # task_id, family, difficulty
    worth: list[Worth] = field(default_factory=list)
    worth_notes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def tasks(self) -> list[TaskPasses]:
        """Every task, as `by_task` sorts them: made when it is first read, as it takes a kilobyte a task."""
        return by_task(self.task_counts, self.about_tasks, self.unguided)

    def without_tasks(self) -> Effects:
        """Return the same tables without a row per task, for those who need none."""
        return replace(self, task_counts=self.task_counts.clear(), about_tasks=self.about_tasks.clear())

    def role(self, privilege: str) -> str:
        return next(row.role for row in self.means if row.privilege == privilege)

    def as_json(self) -> dict[str, Any]:
        """Return all tables as JSON-able values."""
        return {
            "teacher": self.teacher,
            "unguided": self.unguided,
            "length_unit": self.unit,
            "privileges": [
                {each.name: getattr(row, each.name) for each in fields(row)}
                | {"of": [asdict(quantity) | {"mean": mean} for quantity, mean in row.of.items()]}
                for row in self.means
            ],
            "differences": [row.as_json() for row in self.differences],
            "contrasts": [
                row.difference.as_json() | {"about": row.contrast.about, "says": row.contrast.says}
                for row in self.contrasts
            ],
            "pass_at_k": [asdict(row) for row in self.passes],
            "tasks": [
                asdict(row)
                | {
                    "privileges": {
                        name: cell | {"pass_at": {str(k): rate for k, rate in cell["pass_at"].items()}}
                        for name, cell in row.privileges.items()
                    }
                }
                for row in self.tasks
            ],
            "worth": [row.as_json() for row in self.worth],
            "notes": [*self.worth_notes, *self.notes],
        }
