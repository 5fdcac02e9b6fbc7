"""The worth of a privilege: in a few numbers, its gain over `unguided` and its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from infogap.effects.compared_traces import SCORE, Quantity
from infogap.effects.paired_differences import Difference
from infogap.effects.task_estimates import Estimate, estimates, task_values
from infogap.effects.teacher_results import ContrastDifference, Means
from infogap.privileges.base import Privilege
from infogap.privileges.ladder import privileges_by_label
from infogap.recipe import Recipe
from infogap.recipe.privilege_entries import privilege_use
from infogap.runs.run_folder import Run
from infogap.schema import GAPS

What = Literal["accuracy", "gap", "leak_rate", "density"]
LEAK, GAP = Quantity("leak"), Quantity("gap_per_token")


@dataclass(frozen=True)
class Worth:
    """One number of one privilege.

    accuracy: score minus that under `against`, which is `unguided`. gap: nats per token, minus the gap of the control
    `against`: with `same_traces`, of the same traces scored with the control's context, otherwise of the control's own
    traces. leak_rate: the share of traces with a leak; `against` is None. density: markers per 1,000 minus those of
    `unguided`.
    """

    privilege: str
    what: What
    against: str | None
    estimate: Estimate
    same_traces: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        compared: dict[str, Any] = {"privilege": self.privilege, "of": self.what, "against": self.against}
        compared |= {"same_traces": self.same_traces} if self.what == "gap" else {}
        return compared | {"lexicon": self.estimate.quantity.lexicon} | self.estimate.numbers()


def decoy_gaps(run: Run) -> pl.DataFrame:
    """Read each trace's gap per token under each further context: `trace_id`, `context`, `with_control`."""
    gap = run.recipe.measure.gap
    if gap is None or not gap.contexts:
        return pl.DataFrame(schema={"trace_id": pl.String, "context": pl.String, "with_control": pl.Float64})
    entry = pl.col("other_contexts").struct
    return (
        run.scan(GAPS)
        .select("trace_id", "other_contexts")
        .explode("other_contexts")
        .select("trace_id", context=entry.field("context"), with_control=entry.field("gap_per_token"))
        .drop_nulls()
        .collect()
        .sort("trace_id", "context")
    )


def worth_of(
    recipe: Recipe,
    traces: pl.DataFrame,
    decoys: pl.DataFrame,
    means: list[Means],
    differences: list[Difference],
    contrasts: list[ContrastDifference],
) -> list[Worth]:
    """Return the rows of one teacher, from the poorest privilege to the richest; controls have none.

    `traces` are its unconditional ones, with `leak`; `decoys` is from `decoy_gaps`. The leak rate is over all tasks of
    the privilege; paired numbers are over the tasks that both have.
    """
    guided = [row.privilege for row in means if row.role != "control" and row.privilege in _compared(differences)]
    values = {}
    for label in guided:
        own = traces.filter(~pl.col("failed"), privilege=label)
        values[label, "leak_rate"] = (LEAK, task_values(own, LEAK, "task_id"))
        if control := _control(recipe, label, decoys["context"].unique().to_list()):
            with_control = own.join(decoys.filter(context=control), on="trace_id")
            less = with_control.with_columns(pl.col(GAP.name) - pl.col("with_control"))
            values[label, control] = (GAP, task_values(less, GAP, "task_id"))
    by_key = estimates(values, recipe.seed)
    rows = []
    for label in guided:
        paired = [row for row in differences if row.privilege == label]
        rows += [Worth(label, "accuracy", row.against, row) for row in paired if row.quantity == SCORE]
        same = [(key[1], by_key[key]) for key in by_key if key[0] == label and key[1] != "leak_rate"]
        rows += [Worth(label, "gap", control, estimate, same_traces=True) for control, estimate in same]
        if not same:
            rows += _in_other_traces(recipe, label, contrasts)
        if (label, "leak_rate") in by_key:
            rows.append(Worth(label, "leak_rate", None, by_key[label, "leak_rate"]))
        rows += [Worth(label, "density", row.against, row) for row in paired if _is_density(row)][:1]
    return rows


def _compared(differences: list[Difference]) -> set[str]:
    return {row.privilege for row in differences}


def _is_density(row: Difference) -> bool:
    return row.quantity.name == "epistemic_density"


def _in_other_traces(recipe: Recipe, label: str, contrasts: list[ContrastDifference]) -> list[Worth]:
    """Return the gap of a privilege's traces minus that of its control's traces, on the same tasks."""
    scored = {
        row.difference.against: row.difference
        for row in contrasts
        if row.difference.privilege == label and row.difference.quantity == GAP and row.contrast.about == "knowledge"
    }
    control = _control(recipe, label, list(scored))
    return [Worth(label, "gap", control, scored[control])] if control else []


def _control(recipe: Recipe, label: str, among: list[str]) -> str | None:
    """Return the control to compare a privilege with: of those that contrast with it, the nearest one."""
    known = privileges_by_label(recipe)
    privilege = known.get(label)
    if privilege is None or privilege.attempts:
        return None
    named = [(name, known.get(name) or privilege_use(name).privilege) for name in among]
    usable = [(name, control) for name, control in named if _contrasts(control, privilege)]
    return min(usable, key=lambda each: _nearness(each[1]), default=(None, None))[0]


def _contrasts(control: Privilege, privilege: Privilege) -> bool:
    return control.role == "control" and privilege.name in dict(control.contrasts)


def _nearness(control: Privilege) -> tuple[bool, str]:
    """Sort key of controls: a decoy is nearer than a text that holds no answer at all."""
    return not control.holds_answer, control.name


def worth_notes(rows: list[Worth], unit: str, *, scored: bool) -> list[str]:
    """Return notes on how the numbers are computed, and on privileges without a control. `unit` is that of lengths."""
    if not rows:
        return []
    gaps = [row for row in rows if row.what == "gap"]
    same = any(row.same_traces for row in gaps)
    other = any(not row.same_traces for row in gaps)
    ways = ["in the same traces with the control's context in place of their own"] * same
    ways += ["between the privilege's traces and the control's"] * other
    gap_less = f"; the gap in nats per token minus that of the control, {' or '.join(ways)}" if ways else ""
    notes = [
        f"Worth: accuracy and markers (per 1,000 {unit}) minus those of `unguided` on the same tasks; the leak rate is "
        f"the share of traces with a leak{gap_less}."
    ]
    with_control = {row.privilege for row in gaps}
    without = [f"`{label}`" for label in dict.fromkeys(row.privilege for row in rows) if label not in with_control]
    if without and scored:
        notes.append(
            f"No gap relative to a control: {', '.join(without)}; name one in `measure.gap.contexts`, or generate it."
        )
    return notes
