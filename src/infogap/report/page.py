"""Render the report: one self-contained page on a run."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import polars as pl
from jinja2 import Environment, StrictUndefined

from infogap import __version__
from infogap.charts import drawing
from infogap.charts.distributions import density_by_privilege, gap_by_privilege
from infogap.charts.drawing import Chart
from infogap.charts.effect_intervals import differences
from infogap.charts.mix_charts import mix_targets
from infogap.charts.reliability import reliability
from infogap.console import printable
from infogap.effects import Effects, effects_of, rank_teachers
from infogap.effects.estimate_rows import heading, interval, number, teacher_rows, worth_rows
from infogap.effects.mix_outlook import mix_profiles, outlook
from infogap.effects.pass_at_k import Passes
from infogap.effects.trace_summary import by_privilege, density_unit, how_chosen, several_teachers, traces_in_short
from infogap.gap.calibration import UNLIKELY
from infogap.gap.gap_tables import gap_table
from infogap.recipe import dump_recipe
from infogap.report.run_summary import funnel_title, funnels, mix_counts, mix_title, rows_not_imported
from infogap.runs.run_folder import Run
from infogap.schema import GAPS, TOKEN_GAPS, TRACES

TOKENS_SHOWN = 500
TRACES_SHOWN = 10
_STRONGEST = 4.0  # nats: gaps from here on have the full colour
_MORE, _LESS = "200, 85, 61", "47, 102, 144"  # red, green and blue of tokens made likelier, and less likely


def page(run: Run) -> str:
    """Render the page from a run's tables."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = (resources.files("infogap.report") / "page.html.jinja").read_text(encoding="utf-8")
    drawn = drawing.available()
    traces = traces_in_short(run)
    rows = by_privilege(traces, run.recipe)
    text = environment.from_string(template).render(
        name=run.recipe.name,
        version=__version__,
        rows=rows,
        several_teachers=several_teachers(rows),
        unit=density_unit(traces),
        how_chosen=[sentence.replace("`", "") for sentence in how_chosen(run.recipe)],
        mixes=[(mix_title(name, counts), counts["axes"]) for name, counts in mix_counts(run).items()],
        outlook=[sentence.replace("`", "") for sentence in outlook(mix_profiles(run))],
        funnels=[(funnel_title(run, name, funnel), funnel) for name, funnel in funnels(run).items()],
        not_imported=rows_not_imported(run),
        stages=_stage_counts(run),
        recipe=dump_recipe(run.recipe),
        density=_inline(density_by_privilege(traces, run.recipe)) if drawn else "",
        effects=effects_sections(run, environment),
        teachers=teachers_section(run, environment),
        gaps=gaps_section(run, environment),
        mix_figure=_inline(mix_targets(run)) if drawn else "",
    )
    return printable(text)


def _inline(chart: Chart | None) -> str:
    """Return a chart as an SVG element whose ink has the page's colour of text."""
    return "" if chart is None else chart.svg().replace(drawing.INK, "currentColor")


def _stage_counts(run: Run) -> list[tuple[str, int, list[tuple[str, Any]]]]:
    """Return each stage with its rows and its counts, such as skipped, merged or failed ones by reason."""
    counted = []
    asked_for = {"gaps": run.recipe.measure.gap, "contamination": run.recipe.decontaminate}
    for folder in ("tasks", "traces", "verdicts", "gaps", "measures", "duplicates", "contamination", "mix"):
        manifest = run.manifest(folder)
        if manifest is not None and asked_for.get(folder, run) is not None:
            counts = {key: value for key, value in manifest.counts.items() if key != "mixes"}
            counted.append((manifest.stage, manifest.rows, list(_flat(counts))))
    return counted


def _flat(counts: dict[str, Any], above: str = "") -> Any:
    for key, value in counts.items():
        name = f"{above} / {key}" if above else str(key)
        if isinstance(value, dict):
            yield from _flat(value, name)
        elif isinstance(value, list):  # an entry per source
            for entry in value:
                rest = {key: count for key, count in entry.items() if key != "source"}
                yield from _flat(rest, f"{name} / {entry['source']}")
        elif value not in (0, None):
            yield name, f"{value:,}" if isinstance(value, int) else value


def effects_sections(run: Run, environment: Environment) -> str:
    """Render the tables of effects, a section per teacher."""
    teachers = effects_of(run)
    template = (resources.files("infogap.report") / "effects.html.jinja").read_text(encoding="utf-8")
    return "\n".join(_section(effects, len(teachers) > 1, environment, template) for effects in teachers)


def _section(effects: Effects, named: bool, environment: Environment, template: str) -> str:
    return environment.from_string(template).render(
        effects=effects,
        teacher=effects.teacher if named else "",
        unit=effects.unit,
        heading=heading,
        number=number,
        interval=interval,
        rate=_rate,
        differences_rows=[(row.privilege, row) for row in effects.differences],
        contrast_rows=[(row.name, row.difference) for row in effects.contrasts],
        worth_rows=worth_rows(effects.worth),
        contrasts={row.name: row.contrast for row in effects.contrasts},
        ks=sorted({at.k for row in effects.passes for at in row.at}),
        figure=_inline(differences(effects)) if drawing.available() else "",
    )


def _rate(row: Passes, k: int) -> str:
    return next((f"{at.rate:.2f}" for at in row.at if at.k == k), "-")


def teachers_section(run: Run, environment: Environment) -> str:
    """Render the table of teachers; empty if there is only one."""
    ranking = rank_teachers(run)
    if ranking is None:
        return ""
    template = (resources.files("infogap.report") / "teachers.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(template).render(rows=teacher_rows(ranking), notes=ranking.notes)


def gaps_section(run: Run, environment: Environment) -> str:
    """Render the section on the gap; empty if the recipe scores nothing."""
    gap = run.recipe.measure.gap
    if gap is None:
        return ""
    template = (resources.files("infogap.report") / "gaps.html.jinja").read_text(encoding="utf-8")
    summary = gap_table(run, measured=True)
    drawn = drawing.available()
    return environment.from_string(template).render(
        summary=summary,
        threshold=gap.threshold,
        contexts=gap.contexts,
        unlikely=UNLIKELY,
        overconfident=summary.calibration.overconfident.head(TRACES_SHOWN).to_dicts(),
        by_privilege=_inline(gap_by_privilege(run, [row.privilege for row in summary.privileges])) if drawn else "",
        reliability=_inline(reliability(summary.calibration)) if drawn else "",
        pictures=_pictures(run, [row.privilege for row in summary.privileges]),
    )


@dataclass(frozen=True)
class Coloured:
    """The first tokens of a trace, each with its gap in nats and its colour."""

    trace_id: str
    privilege: str
    gap_per_token: float
    tokens: list[tuple[str, float, str]]
    more: int  # tokens that are not shown


def _pictures(run: Run, privileges: list[str]) -> list[Coloured]:
    """Return, per privilege, the trace with the highest gap per token, if its tokens' gaps are kept."""
    highest = (
        run.scan(GAPS)
        .join(run.scan(TRACES).select("trace_id", "privilege"), on="trace_id")
        .filter(pl.col("gap") != 0)
        .select("trace_id", "privilege", "gap_per_token")
        .collect()
        .sort("gap_per_token", "trace_id", descending=[True, False])
        .unique("privilege", keep="first", maintain_order=True)
    )
    kept = run.scan(TOKEN_GAPS).filter(pl.col("trace_id").is_in(highest["trace_id"].implode())).collect()
    tokens = {row["trace_id"]: row for row in kept.iter_rows(named=True)}
    return [
        _coloured(row, tokens[row["trace_id"]])
        for row in sorted(highest.iter_rows(named=True), key=lambda row: privileges.index(row["privilege"]))
        if row["trace_id"] in tokens
    ]


def _coloured(row: dict[str, object], tokens: dict[str, list[object]]) -> Coloured:
    pairs = [(str(text), float(str(gap))) for text, gap in zip(tokens["tokens"], tokens["gaps"], strict=True)]
    return Coloured(
        trace_id=str(row["trace_id"]),
        privilege=str(row["privilege"]),
        gap_per_token=float(str(row["gap_per_token"])),
        tokens=[(text, gap, _colour(gap)) for text, gap in pairs[:TOKENS_SHOWN]],
        more=max(len(pairs) - TOKENS_SHOWN, 0),
    )


def _colour(gap: float) -> str:
    """Return a CSS colour, stronger the further the gap is from 0."""
    strength = min(abs(gap) / _STRONGEST, 1)
    return f"rgba({_MORE if gap > 0 else _LESS}, {strength:.2f})"
