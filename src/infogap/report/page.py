"""Render the report: one self-contained page on a run, and its charts as files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from infogap import __version__
from infogap.charts import drawing
from infogap.charts.distributions import density_by_privilege, gap_by_privilege
from infogap.charts.drawing import Chart
from infogap.charts.effect_intervals import differences
from infogap.charts.heatmaps import heatmap
from infogap.charts.mix_charts import coverage, mix_targets
from infogap.charts.reliability import reliability
from infogap.console import printable
from infogap.effects.derived_effects import UNIT as WORDS
from infogap.effects.derived_effects import derived_effects
from infogap.effects.effects_table import effects_of
from infogap.effects.estimate_rows import heading, interval, number, teacher_rows, worth_rows
from infogap.effects.given_away import given_away
from infogap.effects.mix_outlook import mix_profiles, outlook
from infogap.effects.teacher_ranking import rank_teachers
from infogap.effects.trace_summary import by_privilege, density_unit, how_chosen, traces_in_short
from infogap.publish.redaction import public_label, public_recipe
from infogap.recipe import yaml_text
from infogap.report.gap_section import gap_values
from infogap.report.leak_examples import leaks_by_kind
from infogap.report.marker_profile import MarkerProfile, marker_profiles
from infogap.report.privilege_rows import privilege_rows
from infogap.report.run_summary import funnel_title, funnels, mix_counts, mix_title, rows_not_imported
from infogap.report.teacher_costs import teacher_costs
from infogap.runs.run_folder import Run
from infogap.verify.who_decides import who_decides
from infogap.view.links import trace_link


@dataclass(frozen=True)
class Report:
    """The page, and the charts that it shows by name."""

    html: str
    charts: dict[str, Chart]


def report_on(run: Run) -> Report:
    """Render the report from a run's tables. Without matplotlib it has no charts, and says so."""
    traces = traces_in_short(run)
    figures = by_privilege(traces, run.recipe)
    order = list(dict.fromkeys(row.privilege for row in figures))
    profiles = marker_profiles(run, traces, order)
    effects = effects_of(run)
    gap = gap_values(run)
    charts = _charts(run, traces, effects, profiles, gap) if drawing.available() else {}
    ranking = rank_teachers(run)
    text = (
        _environment()
        .get_template("page.html.jinja")
        .render(
            chart=partial(_figure, charts),
            name=run.recipe.name,
            version=__version__,
            drawn=drawing.available(),
            tasks=traces["task_id"].n_unique(),
            families=traces["family"].n_unique(),
            traces=traces.filter(~pl.col("failed")).height,
            selected=int(traces["selected"].sum()),
            mixes=[(name, mix_title(name, counts), counts["axes"]) for name, counts in mix_counts(run).items()],
            short=_short(run),
            outlook=outlook(mix_profiles(run)),
            teachers=privilege_rows(run, figures),
            unit=density_unit(traces),
            how_chosen=[*how_chosen(run.recipe), *given_away(run), *who_decides(run, public_label)],
            effects=effects,
            derived=derived_effects(run),
            words=WORDS,
            worth_rows=worth_rows,
            profiles=profiles,
            gap=gap,
            leaks=leaks_by_kind(run),
            order=order,
            leaking=int(traces["leak"].sum()),
            ranking=teacher_rows(ranking) if ranking else [],
            ranking_notes=ranking.notes if ranking else [],
            funnels=[(funnel_title(run, name, funnel), funnel) for name, funnel in funnels(run).items()],
            not_imported=rows_not_imported(run),
            spent=teacher_costs(run),
            recipe=yaml_text(public_recipe(run.recipe)),
        )
    )
    return Report(printable(text), charts)


def _charts(
    run: Run, traces: pl.DataFrame, effects: list[Any], profiles: list[MarkerProfile], gap: dict[str, Any] | None
) -> dict[str, Chart]:
    """Draw all charts, those of several teachers under names that end with the teacher's number."""
    drawn: list[Chart | None] = [density_by_privilege(traces, run.recipe)]
    several = len(effects) > 1
    for place, each in enumerate(effects, start=1):
        chart = differences(each)
        drawn.append(chart and replace(chart, name=f"effects-{place}" if several else "effects"))
    for place, profile in enumerate(profiles, start=1):
        ending = f"-{place}" if len(profiles) > 1 else ""
        drawn.append(heatmap(f"markers{ending}", _of_markers(profile), profile.by_privilege, ".2f"))
        drawn.append(heatmap(f"quarters{ending}", _of_quarters(profile), profile.by_quarter, ".0%", "markers"))
    if gap is not None:
        drawn.append(gap_by_privilege(run, [row.privilege for row in gap["summary"].privileges]))
        drawn.append(reliability(gap["summary"].calibration))
    drawn += [mix_targets(run), coverage(run)]
    return {chart.name: chart for chart in drawn if chart is not None}


def _of_markers(profile: MarkerProfile) -> str:
    return f"The most frequent markers ({profile.lexicon}): occurrences per 1,000 {profile.unit}, by privilege."


def _of_quarters(profile: MarkerProfile) -> str:
    return (
        f"Where in the trace markers stand ({profile.lexicon}): the share in each quarter of the text, by privilege, "
        "and the number of markers that the shares are of."
    )


def _short(run: Run) -> list[str]:
    """Return the targets that a mix does not meet, in words."""
    missed = []
    for name, counts in mix_counts(run).items():
        of = "" if len(mix_counts(run)) == 1 else f"{name}: "
        if counts["target_size"] is not None and counts["size"] < counts["target_size"]:
            missed.append(f"{of}{counts['size']:,} of {counts['target_size']:,} traces")
        missed += [
            f"{of}{axis} {value}: {cell['achieved']:,} of {cell['target']:,}"
            for axis, values in counts["axes"].items()
            for value, cell in values.items()
            if cell["target"] is not None and cell["achieved"] < cell["target"]
        ]
    return missed


def _figure(charts: dict[str, Chart], name: str) -> Markup:
    """Return a chart as a figure whose ink has the page's colour of text; empty if there is no such chart."""
    if name not in charts:
        return Markup("")
    picture = Markup(charts[name].svg().replace(drawing.INK, "currentColor"))
    return Markup(
        '<figure id="{name}"><div class="wide">{picture}</div><figcaption>{caption} '
        '<span class="files">As <a href="figures/{name}.svg">SVG</a>, <a href="figures/{name}.png">PNG</a>, '
        '<a href="figures/{name}.csv">CSV</a>.</span></figcaption></figure>'
    ).format(name=name, picture=picture, caption=charts[name].caption)


@cache  # it compiles each template once, for all pages of a process
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("infogap.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "trace_link": trace_link,
        "heading": heading,
        "number": number,
        "interval": interval,
    }
    environment.filters |= {
        "count": "{:,}".format,
        "plain": lambda text: str(text).replace("`", ""),
        "public": public_label,
        "map_pairs": lambda rows, name: [(getattr(row, name), row) for row in rows],
        "map_contrasts": lambda rows: [(row.name, row.difference) for row in rows],
    }
    return environment
