"""Render the dataset card: metadata for the Hub, and a text on what the data are and how they were made."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

import infogap
from infogap.console import printable
from infogap.effects.bootstrap_intervals import how_computed
from infogap.effects.estimate_rows import difference_table, teacher_rows, worth_rows
from infogap.effects.given_away import given_away
from infogap.effects.mix_outlook import mix_profiles, outlook
from infogap.effects.teacher_ranking import rank_teachers
from infogap.effects.teacher_results import Effects
from infogap.effects.trace_summary import by_privilege, count_by, density_unit, how_chosen, several_teachers
from infogap.privileges.ladder import privileges_by_label
from infogap.publish.card_columns import shapes
from infogap.publish.card_counts import decontaminated, leak_kinds, left_out, lengths_of
from infogap.publish.card_figures import CardFigure
from infogap.publish.card_merge import LOCAL
from infogap.publish.card_template import template_path
from infogap.publish.made_from import stage_counts
from infogap.publish.parquet_shards import Shard, Written
from infogap.publish.provenance import PublishedLeaks, mix_shares
from infogap.publish.redaction import public_label, public_recipe
from infogap.publish.source_credits import (
    NOT_STATED,
    Credit,
    credits_of,
    hub_datasets,
    license_conflicts,
    shared_questions,
)
from infogap.publish.splits import SplitPlan
from infogap.recipe import Recipe, yaml_text
from infogap.runs.run_folder import Run
from infogap.schema import features
from infogap.verify.who_decides import who_decides

if TYPE_CHECKING:
    from huggingface_hub import DatasetCardData
    from jinja2 import Template


TAGS = ["reasoning", "distillation", "chain-of-thought", "synthetic", "infogap"]
_SIZES = {
    10**3: "n<1K",
    10**4: "1K<n<10K",
    10**5: "10K<n<100K",
    10**6: "100K<n<1M",
    10**7: "1M<n<10M",
    10**8: "10M<n<100M",
}
_ANY_NAME = "\0"  # stands for a config's name until paragraphs are compared
_LONGEST_AXIS = 25  # an axis with more values is summarised instead of tabulated


def card(
    run: Run,
    written: list[Written],
    traces: pl.DataFrame,
    effects: list[Effects],
    folder: Path,
    published: PublishedLeaks,
    plan: SplitPlan | None,
    figures: dict[str, CardFigure],
) -> str:
    """Render README.md for a dataset folder whose configs and figures are already written.

    `traces` is from `traces_in_short`, `effects` from `effects_of`.
    """
    from huggingface_hub import DatasetCard

    recipe = run.recipe
    credits = credits_of(run, traces)
    metadata = card_data(run, written, credits)
    privileges = by_privilege(traces, recipe)
    unit = density_unit(traces)
    ranking = rank_teachers(run)
    text = _render(
        template_path().read_text(encoding="utf-8"),
        recipe=recipe,
        local=LOCAL,
        infogap_version=infogap.__version__,
        recipe_yaml=yaml_text(public_recipe(recipe)).rstrip(),
        # What there is
        written=written,
        splits=plan.counts if plan is not None else {},
        lengths=lengths_of(run, traces, written, folder),
        tasks=traces["task_id"].n_unique(),
        families=traces["family"].n_unique(),
        all=traces.height,
        failed=int(traces["failed"].sum()),
        figures=figures,
        shapes=shapes(run, written, folder),
        paragraphs=_paragraphs(written, folder, unit),
        with_prompts=any(each.config.prompts(run) for each in written),
        with_answers=any(each.config.answers(run) for each in written),
        # Privileges and teachers
        role_notes=_what_was_shown(recipe, [row.privilege for row in privileges]),
        privileges=privileges,
        several_teachers=several_teachers(privileges),
        teachers=teachers(traces),
        how_chosen=[*how_chosen(recipe), *given_away(run), *who_decides(run, public_label)],
        density_unit=unit,
        effects=[difference_table(each) for each in effects if each.differences],
        worth=[(each, worth_rows(each.worth)) for each in effects if each.worth],
        ranking=teacher_rows(ranking, public_label) if ranking else [],
        ranking_notes=ranking.notes if ranking else [],
        how_computed=how_computed(traces["task_id"].n_unique()),
        # The mix
        outlook=outlook(mix_profiles(run, traces)),
        mixes=(mixes := mix_shares(run, traces)),
        a_mix="a mix" if len(mixes) > 1 else "the mix",
        most_per_task={name: mix.max_per_task for name, mix in recipe.balance.named_mixes()},
        longest_axis=_LONGEST_AXIS,
        leaks=int(traces["leak"].sum()),
        leaks_selected=traces.filter("leak", "selected").height,
        leak_kinds=leak_kinds(run, traces),
        published_leaks=published,
        # How it was made
        verifiers=count_by(traces.select("task_id", "verifier").unique("task_id"), "verifier"),
        lexicons=[f"`{public_label(name)}`" for name in recipe.measure.lexicons],
        duplicates=traces["duplicate_of"].count(),
        decontaminated=decontaminated(run, traces),
        credits=credits,
        shared_questions=shared_questions(run),
        not_stated=NOT_STATED,
        license_conflicts=license_conflicts(recipe.publish.license, credits),
        left_out=left_out(stage_counts(run), traces),
    )
    return printable(str(DatasetCard(f"---\n{metadata.to_yaml()}\n---\n\n{text}")))


def _paragraphs(written: list[Written], folder: Path, unit: str) -> list[str]:
    """Render the configs' paragraphs, one for all that differ in nothing but the name."""
    names: dict[str, list[str]] = {}
    for each in written:
        if each.config.card:
            values = each.config.card_values(folder / "data" / each.config.name)
            text = _render(each.config.card, name=_ANY_NAME, density_unit=unit, **values)
            if each.without:
                text += f" Left out: {lacking_tasks(each.without)}."
            names.setdefault(text, []).append(each.config.name)
    return [text.replace(_ANY_NAME, "`, `".join(configs)) for text, configs in names.items()]


def lacking_tasks(without: Mapping[str, int]) -> str:
    """Say how many tasks have no row in a config, and why: `3 tasks without a row (2 no trace to reject, ...)`."""
    total = sum(without.values())
    why = ", ".join(f"{count:,} {reason}" for reason, count in without.items())
    return f"{total:,} {'task' if total == 1 else 'tasks'} without a row ({why})"


def _what_was_shown(recipe: Recipe, labels: list[str]) -> list[tuple[str, str]]:
    """Return the privileges that are known, each with what its teacher was shown."""
    known = privileges_by_label(recipe)
    return [(label, known[label].shows) for label in dict.fromkeys(labels) if label in known]


def card_data(run: Run, written: list[Written], credits: list[Credit]) -> DatasetCardData:
    """Build the card's YAML metadata from the written files, as a stale `dataset_info` would break loading."""
    from datasets import DatasetInfo, SplitDict
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    publish = run.recipe.publish
    data = DatasetCardData(
        language=publish.language,
        license=publish.license,
        pretty_name=run.recipe.name,
        size_categories=[size_category(max(config.rows for config in written))],
        task_categories=["text-generation"],
        source_datasets=hub_datasets(credits) or None,
        sources=[each.as_metadata() for each in credits],
        tags=TAGS,
        configs=[_data_files(config, first=config is written[0]) for config in written],
    )
    infos = DatasetInfosDict()
    for config in written:
        splits = SplitDict({name: _split_info(name, shards) for name, shards in config.splits.items()})
        infos[config.config.name] = DatasetInfo(
            config_name=config.config.name,
            features=features(config.columns),
            splits=splits,
            download_size=config.bytes,
            dataset_size=config.arrow_bytes,
        )
    infos.to_dataset_card_data(data)
    return data


def size_category(rows: int) -> str:
    """Return the Hub's size category for a number of rows."""
    return next((name for limit, name in _SIZES.items() if rows < limit), "100M<n<1B")


def _split_info(name: str, shards: list[Shard]) -> Any:
    from datasets import SplitInfo

    rows, arrow_bytes = sum(shard.rows for shard in shards), sum(shard.arrow_bytes for shard in shards)
    return SplitInfo(name, num_bytes=arrow_bytes, num_examples=rows)


def _data_files(config: Written, first: bool) -> dict[str, Any]:
    name = config.config.name
    entry: dict[str, Any] = {
        "config_name": name,
        "data_files": [{"split": split, "path": f"data/{name}/{split}-*.parquet"} for split in config.splits],
    }
    return entry | ({"default": True} if first else {})


def teachers(traces: pl.DataFrame) -> list[str]:
    """Return the teachers' published names."""
    return sorted({public_label(name) for name in traces["teacher"].drop_nulls().unique().to_list()})


def _render(template: str, **values: Any) -> str:
    return _compiled(template).render(**values)


@cache  # for a process that writes several cards
def _compiled(template: str) -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    environment.filters |= {
        "public": public_label,
        "cell": _cell,
        "percent": _percent,
        "number": _number,
        "python_name": _python_name,
        "bibtex": _bibtex,
        "bibtex_key": lambda text: re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "dataset",
    }
    return environment.from_string(template)


def _cell(text: object) -> str:
    """Format any text as a cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _python_name(text: str) -> str:
    """Return a config's name as the name of a variable."""
    name = re.sub(r"\W", "_", text)
    return f"_{name}" if name[:1].isdigit() or keyword.iskeyword(name) else name


def _bibtex(text: str) -> str:
    """Escape what has a meaning in BibTeX and LaTeX; braces and backslashes are left out."""
    return re.sub(r"([#$%&_^~])", r"\\\1", re.sub(r"[{}\\]", "", text))
