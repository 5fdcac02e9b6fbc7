"""Everything that is said of privileges, teacher by teacher, from the tables of a run.

The first table is that of Kim et al. 2026 (arXiv 2603.24472), section 3: score, length and epistemic count for each
privilege.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import polars as pl

from infogap.effects.contrasts import Contrast, contrasts_among
from infogap.effects.notes import notes
from infogap.effects.paired import Difference, paired_differences, task_means
from infogap.effects.passes import Passes, TaskPasses, by_task, pass_counts, passes
from infogap.effects.quantities import Quantity, quantities
from infogap.effects.samples import lexicons_of, samples, with_lengths
from infogap.errors import UserError
from infogap.overview import richness_of
from infogap.privilege.ladder import BY_NAME
from infogap.recipe import Recipe
from infogap.run import Run
from infogap.schema import TASKS


@dataclass(frozen=True)
class Means:
    """One privilege's answered traces: how many, and the mean of each quantity over those that have it."""

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
    """A difference between a privilege and a control, and what it is about."""

    contrast: Contrast
    difference: Difference

    @property
    def name(self) -> str:
        return f"{self.difference.privilege} - {self.difference.against}"


@dataclass(frozen=True)
class Effects:
    """One teacher's tables. `unguided` is what the recipe calls that privilege; None where no trace is under it."""

    teacher: str
    unguided: str | None
    unit: str  # of lengths: tokens | words
    quantities: list[Quantity]
    means: list[Means]
    differences: list[Difference]
    contrasts: list[ContrastDifference]
    passes: list[Passes]
    tasks: list[TaskPasses]
    notes: list[str] = field(default_factory=list)

    def role(self, privilege: str) -> str:
        return next(row.role for row in self.means if row.privilege == privilege)

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON-able values."""
        return {
            "teacher": self.teacher,
            "unguided": self.unguided,
            "length_unit": self.unit,
            "privileges": [
                {each.name: getattr(row, each.name) for each in fields(row)}
                | {"of": [asdict(quantity) | {"mean": mean} for quantity, mean in row.of.items()]}
                for row in self.means
            ],
            "differences": [_difference_json(row) for row in self.differences],
            "contrasts": [
                _difference_json(row.difference) | {"about": row.contrast.about, "says": row.contrast.says}
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
            "notes": self.notes,
        }


def effects_of(run: Run, judged: bool = True) -> list[Effects]:
    """A teacher's effects each, by name. Where not `judged`, verdicts are left aside and there are no scores.

    Reads the tables tasks, traces, measures and verdicts. The traces of tasks that `select` leaves out do not count.
    Raises UserError where it takes verdicts to know which these are.
    """
    if not judged and run.recipe.generate is not None and run.recipe.generate.select is not None:
        raise UserError(
            f"`select` keeps tasks by their verdicts, which are not up to date; first: infogap verify {run.path}"
        )
    lexicons = lexicons_of(run)
    rows = samples(run, lexicons, judged)
    about = run.scan(TASKS).select("task_id", "family", "difficulty").collect()
    teachers = rows.partition_by("teacher", as_dict=True)
    return [
        _effects(run.recipe, str(teacher), teachers[key], about, lexicons)
        for key in sorted(teachers)
        for teacher in key
    ]


def _effects(recipe: Recipe, teacher: str, rows: pl.DataFrame, about: pl.DataFrame, lexicons: list[str]) -> Effects:
    rows, unit = with_lengths(rows, lexicons)
    of = quantities(lexicons, scored=recipe.measure.gap is not None)
    means = _means(rows, of, recipe)
    labels = [row.privilege for row in means]
    unguided = recipe.generate.unguided.label if recipe.generate else "unguided"
    baseline = unguided if unguided in labels else None
    unconditional = rows.filter("unconditional")
    per_task = task_means(unconditional, of)
    against_unguided = [(label, baseline) for label in labels if baseline is not None and label != baseline]
    contrasts = {(label, control): contrast for label, control, contrast in contrasts_among(recipe, labels)}
    compared = paired_differences(per_task, [*against_unguided, *contrasts], of, recipe.seed)
    counts = pass_counts(unconditional)
    effects = Effects(
        teacher=teacher,
        unguided=baseline,
        unit=unit,
        quantities=of,
        means=means,
        differences=[row for row in compared if (row.privilege, row.against) not in contrasts],
        contrasts=[
            ContrastDifference(contrasts[row.privilege, row.against], row)
            for row in compared
            if (row.privilege, row.against) in contrasts
        ],
        passes=[row for label in labels if (row := passes(counts, label)).tasks],
        tasks=by_task(counts, about, baseline),
    )
    return replace(effects, notes=notes(recipe, rows, effects))


def _means(rows: pl.DataFrame, of: list[Quantity], recipe: Recipe) -> list[Means]:
    """A row per privilege, from the poorest to the richest."""
    answered = ~pl.col("failed")
    table = rows.group_by("privilege", maintain_order=True).agg(
        *(pl.col(quantity.column).filter(answered).mean() for quantity in of),
        tasks=pl.col("task_id").filter(answered).n_unique(),
        traces=answered.sum(),
        failures=pl.col("failed").sum(),
        graded=pl.col("score").count(),
        truncations=pl.col("truncated").filter(answered).sum(),
    )
    richness, roles = richness_of(recipe), _roles(recipe)
    found = [
        Means(
            row["privilege"],
            roles.get(row["privilege"], "privilege"),
            row["tasks"],
            row["traces"],
            row["failures"],
            row["graded"],
            row["truncations"],
            {quantity: row[quantity.column] for quantity in of},
        )
        for row in table.iter_rows(named=True)
    ]
    return sorted(found, key=lambda row: (richness.get(row.privilege, float("inf")), row.privilege))


def _roles(recipe: Recipe) -> dict[str, str]:
    """What each privilege is there for, under the names that the recipe gives."""
    used = recipe.generate.uses if recipe.generate else []
    roles: dict[str, str] = {name: privilege.role for name, privilege in BY_NAME.items()}
    return roles | {use.label: roles.get(use.name, "privilege") for use in used}


def _difference_json(row: Difference) -> dict[str, Any]:
    return {
        "privilege": row.privilege,
        "against": row.against,
        **asdict(row.quantity),
        "tasks": row.tasks,
        "differing": row.differing,
        "mean": row.mean,
        "low": row.low,
        "high": row.high,
        "excludes_zero": row.excludes_zero,
    }
