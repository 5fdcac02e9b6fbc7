"""What the finding on teacher privilege and task coverage predicts of a mix.

Kim et al. 2026 (arXiv 2603.24472): a teacher that sees the answer or the solution writes traces with little doubt.
Trained on few different tasks, students then answer more briefly, and better in domain; as coverage grows, they do
worse out of distribution, with drops of up to 40 %. Evidence that points elsewhere is named beside it: Sang et al. 2026
(arXiv 2603.05433) and Kopiczko et al. 2026 (arXiv 2602.11149).

Nobody has measured where few ends and many begins. The thresholds are rules of thumb: MOSTLY is a half, the numbers of
tasks are two of those in section 6.2 of that paper (1, 8, 64, 128 and 512 questions, against some 14,000), and
BROAD_FAMILIES stands for variety where the tasks are fewer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import polars as pl

from infogap.effects.evenness import effective_number
from infogap.effects.trace_summary import traces_in_short
from infogap.privileges.base import Privilege
from infogap.privileges.ladder import privileges_by_label
from infogap.recipe import Recipe
from infogap.runs.run_folder import Run
from infogap.schema import MIX

MOSTLY = 0.5
NARROW_TASKS, BROAD_TASKS = 64, 512
BROAD_FAMILIES = 8.0  # effective number
_RICH_FROM = 3.0  # the ladder's rank of `answer`

Kind = Literal["rich_and_broad", "rich_and_narrow", "rich", "not_rich"]
_LOSS = "Kim et al. 2026 (arXiv 2603.24472) measured the loss out of distribution (drops of up to 40 %)"
_OTHER_EVIDENCE = (
    "The evidence is not one-sided: distilling a model's own concise style, from a teacher that is told to be brief "
    "and sees no answer, gained 9 to 16 points on MATH-500 (arXiv 2603.05433), and 128 epochs on 400 traces beat one "
    "epoch on 51,200 by 12 to 26 points on AIME and GPQA (arXiv 2602.11149)."
)
_NAMES: dict[Kind, str] = {
    "rich_and_broad": "Rich and broad",
    "rich_and_narrow": "Rich and narrow",
    "rich": "Rich",
    "not_rich": "Not mostly rich and confident",
}
_PREDICTIONS: dict[Kind, str] = {
    "rich_and_broad": f"This is where {_LOSS}. Unguided or hinted traces that keep their doubts lower the risk; "
    "evaluate out of distribution.",
    "rich_and_narrow": "It is narrow enough for brevity to be harmless where students are used on such tasks (a rule "
    f"of thumb: at most {NARROW_TASKS} tasks); many more tasks are where {_LOSS}.",
    "rich": f"Many different tasks are where {_LOSS}; with few, brevity helped in domain. This is in between.",
}
_TASKS_UNKNOWN = (
    f"Many different tasks are where {_LOSS}; with few, brevity helped in domain. How many there are, "
    "infogap check --plan tells."
)


@dataclass(frozen=True)
class MixProfile:
    """The two factors, of a mix or, `planned`, of what a recipe asks for; None where they are not known.

    `rich`: the share of traces whose teacher saw the answer or a solution. `confident`: the share in that band, of
    those in any. `unguided_confident`: the same of all unguided traces of the run. `effective_families`: exp of the
    entropy of the traces' families, which is their number where all have as many. `unknown`: the share of traces whose
    privilege is an import's own name, of which nothing is known; it counts as not rich.
    """

    planned: bool
    rich: float
    unknown: float
    confident: float | None
    unguided_confident: float | None
    tasks: int | None
    families: int | None
    effective_families: float | None

    @property
    def kind(self) -> Kind:
        """Where the mix stands. Nothing is rich whose traces do not mostly sound confident, if that is known."""
        sure = self.confident is None or self.confident >= MOSTLY
        if self.rich < MOSTLY or not sure:
            return "not_rich"
        if self.tasks is None:
            return "rich"
        if self.tasks <= NARROW_TASKS:
            return "rich_and_narrow"
        broad = self.tasks >= BROAD_TASKS or (self.effective_families or 0) >= BROAD_FAMILIES
        return "rich_and_broad" if broad else "rich"

    def as_json(self) -> dict[str, Any]:
        """Return figures, kind and sentences as JSON-able values."""
        return {"kind": self.kind, **asdict(self), "says": self.sentences()}

    def sentences(self) -> list[str]:
        """Say where the mix stands and what that predicts, in Markdown."""
        found = [f"{_NAMES[self.kind]}: {self._figures()}."]
        if self.unknown:
            found.append(f"Of {self.unknown:.0%} of the traces the privilege is not known; they count as not rich.")
        if self.kind == "not_rich":
            return found
        found.append(_PREDICTIONS[self.kind] if self.tasks is not None else _TASKS_UNKNOWN)
        if self.unguided_confident is not None and self.unguided_confident >= 0.9:
            found.append(
                f"Here {self.unguided_confident:.0%} of the unguided traces are `confident` too: this teacher has "
                "little doubt to lose, and the loss may not follow."
            )
        return [*found, _OTHER_EVIDENCE]

    def _figures(self) -> str:
        verb = "are to come" if self.planned else "come"
        parts = [f"{self.rich:.0%} of the traces {verb} from teachers that saw the answer or a solution"]
        if self.confident is not None:
            parts.append(f"{self.confident:.0%} are `confident`")
        if self.tasks is not None:
            parts.append(f"{self.tasks:,} {'task' if self.tasks == 1 else 'tasks'}")
        if self.families and self.effective_families is not None:
            families = "family" if self.families == 1 else "families"
            parts.append(f"{self.families:,} {families} (effective number {self.effective_families:.1f})")
        return ", ".join(parts)


def mix_profiles(run: Run) -> dict[str, MixProfile]:
    """Describe each of a run's mixes, by name; those that are empty are left out."""
    traces = traces_in_short(run)
    selected = run.scan(MIX).filter("selected").select("mix", "trace_id").collect()
    mixes = {
        name: traces.join(selected.filter(pl.col("mix") == name), on="trace_id", how="semi")
        for name, _ in run.recipe.balance.named_mixes()
    }
    return {name: _profile(run, traces, mix) for name, mix in mixes.items() if not mix.is_empty()}


def _profile(run: Run, traces: pl.DataFrame, mix: pl.DataFrame) -> MixProfile:
    known = privileges_by_label(run.recipe)
    unguided = [label for label, privilege in known.items() if privilege.is_unguided]
    shares = {str(name): count / mix.height for name, count in mix["privilege"].value_counts().iter_rows()}
    families = mix["family"].drop_nulls().value_counts()["count"].to_list()
    return MixProfile(
        planned=False,
        rich=_rich(shares, known),
        unknown=sum(share for name, share in shares.items() if name not in known),
        confident=_confident(mix),
        unguided_confident=_confident(traces.filter(pl.col("privilege").is_in(unguided))),
        tasks=mix["task_id"].n_unique(),
        families=len(families),
        effective_families=effective_number(families) if families else None,
    )


def planned_profile(recipe: Recipe, tasks: pl.DataFrame | None = None) -> MixProfile | None:
    """Describe what a recipe asks for; None where the traces are imported, and their privileges not known.

    Without shares of privileges each counts alike, as each is sampled as often. `tasks` is the tasks table, if it is
    read already, of which the mix may yet leave some out.
    """
    if recipe.generate is None:
        return None
    known = privileges_by_label(recipe)
    asked, bands = recipe.balance.privilege, recipe.balance.band
    labels = [use.label for use in recipe.generate.uses]
    shares = asked if isinstance(asked, dict) else {label: 1 / len(labels) for label in labels}
    families = [] if tasks is None else tasks["family"].drop_nulls().value_counts()["count"].to_list()
    return MixProfile(
        planned=True,
        rich=_rich(shares, known),
        unknown=0.0,
        confident=bands.get("confident", 0.0) if isinstance(bands, dict) else 1 / 3 if bands == "uniform" else None,
        unguided_confident=None,
        tasks=None if tasks is None else tasks.height,
        families=None if tasks is None else len(families),
        effective_families=effective_number(families) if families else None,
    )


def _rich(shares: Mapping[str, float], known: Mapping[str, Privilege]) -> float:
    return math.fsum(share for name, share in shares.items() if name in known and is_rich(known[name]))


def is_rich(privilege: Privilege) -> bool:
    """Tell whether a teacher under it knows the answer: not where all it sees is a control's, or wrong attempts."""
    return (
        privilege.role in ("privilege", "style")
        and privilege.richness >= _RICH_FROM
        and privilege.holds_answer
        and (privilege.attempts != "wrong" or "answer" in privilege.needs)
    )


def _confident(traces: pl.DataFrame) -> float | None:
    bands = traces["band"].drop_nulls()
    return float((bands == "confident").sum()) / len(bands) if len(bands) else None
