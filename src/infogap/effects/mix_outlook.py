"""Say what published findings on teacher privilege and task coverage predict for a mix.

Kim et al. 2026 (arXiv 2603.24472): a teacher that sees the answer or the solution expresses little doubt. Students
trained on its traces of few different tasks answer more briefly, and better in domain. As coverage grows, they get
worse out of distribution, with drops of up to 40 %. Evidence to the contrary is cited with it: Sang et al. 2026 (arXiv
2603.05433) and Kopiczko et al. 2026 (arXiv 2602.11149).

Nobody has measured where few tasks end and many begin. The thresholds are rules of thumb: MOSTLY is a half, the numbers
of tasks are two of those in section 6.2 of that paper (1, 8, 64, 128 and 512 questions, against some 14,000), and
BROAD_FAMILIES stands for variety where tasks are fewer.
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
from infogap.recipe.axis_targets import AxisTargets
from infogap.recipe.balance_section import MixSettings
from infogap.runs.run_folder import Run
from infogap.schema import BAND_NAMES, MIX

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
    "rich_and_broad": f"Rich and broad is where {_LOSS}. Unguided or hinted traces that keep their doubts lower the "
    "risk; evaluate out of distribution.",
    "rich_and_narrow": f"So few tasks (a rule of thumb: at most {NARROW_TASKS}) are narrow enough for brevity to be "
    f"harmless where students are used on such tasks; many more tasks are where {_LOSS}.",
    "rich": f"Many different tasks are where {_LOSS}; with few, brevity helped in domain. A mix that is rich alone is "
    "in between.",
}
_TASKS_UNKNOWN = (
    f"Many different tasks are where {_LOSS}; with few, brevity helped in domain. How many there are, "
    "infogap check --plan says."
)


@dataclass(frozen=True)
class MixProfile:
    """The two factors, richness and coverage, of a mix or of a recipe's plan (`planned`); None if not known.

    `rich`: the share of traces whose teacher saw the answer or a solution. `confident`: the share in that band, of all
    traces with a band. `unguided_confident`: the same share of the run's unguided traces. `effective_families`: exp of
    the entropy of the traces' families, which is their number if all have equally many traces. `unknown`: the share of
    traces whose privilege is an import's own name, about which nothing is known; it counts as not rich.
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
        """The kind of mix. It counts as rich only if most traces sound confident, or their bands are not known."""
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
        """Return sentences in Markdown on the kind of mix, and on what that predicts."""
        said = [f"{_NAMES[self.kind]}: {self._figures()}."]
        if self.unknown:
            said.append(f"The privilege of {self.unknown:.0%} of the traces is not known; they count as not rich.")
        if self.kind == "not_rich":
            return said
        if self.unguided_confident is not None and self.unguided_confident >= 0.9:
            said.append(
                f"Of the unguided traces {self.unguided_confident:.0%} are `confident` too: this teacher has little "
                "doubt to lose, and the loss may not follow."
            )
        return [*said, _PREDICTIONS[self.kind] if self.tasks is not None else _TASKS_UNKNOWN, _OTHER_EVIDENCE]

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


def outlook(profiles: Mapping[str, MixProfile]) -> list[str]:
    """Return sentences on the kind of every mix, by name, and then on what that predicts, each once."""
    if len(profiles) == 1:
        return next(iter(profiles.values())).sentences()
    said = [(f"`{name}`: {figures}", others) for name, (figures, *others) in _sentences(profiles)]
    return list(dict.fromkeys([*(first for first, _ in said), *(other for _, others in said for other in others)]))


def _sentences(profiles: Mapping[str, MixProfile]) -> list[tuple[str, list[str]]]:
    return [(name, profile.sentences()) for name, profile in profiles.items()]


def mix_profiles(run: Run, traces: pl.DataFrame | None = None) -> dict[str, MixProfile]:
    """Describe a run's mixes, by name; empty ones are left out. `traces` is from `traces_in_short`, if at hand."""
    traces = traces_in_short(run) if traces is None else traces
    chosen = run.scan(MIX).filter("selected").select("mix", "trace_id").collect()
    known = privileges_by_label(run.recipe)
    unguided = [label for label, privilege in known.items() if privilege.is_unguided]
    unguided_confident = _confident(traces.select("privilege", "band").filter(pl.col("privilege").is_in(unguided)))
    profiles = {}
    counted = traces.select("trace_id", "task_id", "family", "privilege", "band")
    for name in chosen["mix"].unique(maintain_order=True):
        mix = counted.join(chosen.filter(mix=name), on="trace_id", how="semi")
        shares = {str(label): count / mix.height for label, count in mix["privilege"].value_counts().iter_rows()}
        families = mix["family"].value_counts()["count"].to_list()
        profiles[name] = MixProfile(
            planned=False,
            rich=_rich(shares, known),
            unknown=math.fsum(share for label, share in shares.items() if label not in known),
            confident=_confident(mix),
            unguided_confident=unguided_confident,
            tasks=mix["task_id"].n_unique(),
            families=len(families),
            effective_families=effective_number(families),
        )
    return profiles


def planned_profiles(recipe: Recipe, tasks: pl.DataFrame | None = None) -> dict[str, MixProfile]:
    """Describe the mixes that a recipe plans, by name; none for imported traces, whose privileges are not known.

    Without shares of privileges, all count equally, as all are sampled equally often. `tasks` is the tasks table, if it
    is known already; a mix may leave some of them out.
    """
    if recipe.generate is None:
        return {}
    labels = [use.label for use in recipe.generate.uses]
    return {
        name: _planned(mix, labels, privileges_by_label(recipe), tasks) for name, mix in recipe.balance.named_mixes()
    }


def _planned(
    mix: MixSettings, labels: list[str], known: Mapping[str, Privilege], tasks: pl.DataFrame | None
) -> MixProfile:
    shares = _shares(mix.privilege) or {label: 1 / len(labels) for label in labels}
    bands = dict.fromkeys(BAND_NAMES, 1 / len(BAND_NAMES)) if mix.band == "uniform" else _shares(mix.band)
    counts = [] if tasks is None else tasks["family"].value_counts()["count"].to_list()
    if mix.coverage is not None and mix.coverage.families is not None:
        counts = [1] * mix.coverage.families
    asked = mix.coverage.task_count if mix.coverage is not None else None
    return MixProfile(
        planned=True,
        rich=_rich(shares, known),
        unknown=0.0,
        confident=bands.get("confident", 0.0) if bands else None,
        unguided_confident=None,
        tasks=asked if asked is not None or tasks is None else tasks.height,
        families=len(counts) or None,
        effective_families=effective_number(counts) if counts else None,
    )


def _shares(asked: Any) -> dict[str, float] | None:
    """Return the shares that a recipe asks for on an axis, by value; None if it asks for something else."""
    if isinstance(asked, AxisTargets):
        asked = None if asked.given is not None else asked.shares
    return asked if isinstance(asked, dict) else None


def _rich(shares: Mapping[str, float], known: Mapping[str, Privilege]) -> float:
    return math.fsum(share for name, share in shares.items() if name in known and is_rich(known[name]))


def is_rich(privilege: Privilege) -> bool:
    """Return True if a teacher under it sees the answer, and not only a control's text or wrong attempts."""
    return (
        privilege.role in ("privilege", "style")
        and privilege.richness >= _RICH_FROM
        and privilege.holds_answer
        and (privilege.attempts != "wrong" or "answer" in privilege.needs)
    )


def _confident(traces: pl.DataFrame) -> float | None:
    bands = traces["band"].drop_nulls()
    return float((bands == "confident").sum()) / len(bands) if len(bands) else None
