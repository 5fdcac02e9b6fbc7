"""The dataset card: metadata that the Hub reads, and a text that says how the data was made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

import infogap
from infogap.effects.trace_summary import by_privilege, count_by, density_unit, how_chosen, several_teachers
from infogap.errors import UserError
from infogap.publish.card_contamination import decontaminated
from infogap.publish.mix_shares import doubt_in_pairs, mix_shares, teachers
from infogap.publish.parquet_shards import Written
from infogap.publish.provenance import stage_counts
from infogap.publish.redaction import public_label, public_recipe
from infogap.recipe import yaml_text
from infogap.runs.run_folder import Run
from infogap.schema import features

if TYPE_CHECKING:
    from huggingface_hub import DatasetCardData

REPO = "ORG/NAME"  # stands for the repository in the card until it is pushed to one
TEMPLATE = "dataset.md.jinja"
TAGS = ["reasoning", "distillation", "chain-of-thought", "synthetic", "infogap"]
_SIZES = {
    10**3: "n<1K",
    10**4: "1K<n<10K",
    10**5: "10K<n<100K",
    10**6: "100K<n<1M",
    10**7: "1M<n<10M",
    10**8: "10M<n<100M",
}
_LONGEST_AXIS = 25  # values of an axis that get a row of their own


def template_path() -> Path:
    """The card's template: in the installed package, or beside `src` in a source checkout.

    Raises UserError where it is in neither.
    """
    package = Path(infogap.__file__).parent
    places = [package / "cards" / TEMPLATE, package.parents[1] / "cards" / TEMPLATE]
    for place in places:
        if place.is_file():
            return place
    raise UserError(
        f"the card's template {TEMPLATE} is missing from {places[0].parent} and from {places[1].parent}; "
        "install infogap again"
    )


def card(run: Run, written: list[Written], traces: pl.DataFrame, folder: Path) -> str:
    """The README.md of a dataset folder, whose configs are written. `traces` is what `traces_in_short` gives."""
    from huggingface_hub import DatasetCard

    metadata = card_data(run, written)
    privileges = by_privilege(traces, run.recipe)
    text = _render(
        recipe=run.recipe,
        lexicons=[f"`{public_label(name)}`" for name in run.recipe.measure.lexicons],
        recipe_yaml=yaml_text(public_recipe(run.recipe)).rstrip(),
        repo=REPO,
        infogap_version=infogap.__version__,
        written=written,
        teachers=teachers(traces),
        failed=int(traces["failed"].sum()),
        tasks=traces["task_id"].n_unique(),
        families=traces["family"].n_unique(),
        verifiers=count_by(traces.unique("task_id"), "verifier"),
        privileges=privileges,
        several_teachers=several_teachers(privileges),
        how_chosen=how_chosen(run.recipe),
        density_unit=density_unit(traces),
        axes=mix_shares(run, traces),
        doubt=doubt_in_pairs(folder),
        longest_axis=_LONGEST_AXIS,
        selected=int(traces["selected"].sum()),
        all=traces.height,
        leaks=int(traces["leak"].sum()),
        leaks_selected=traces.filter("leak", "selected").height,
        duplicates=traces["duplicate_of"].count(),
        decontaminated=decontaminated(run, traces),
        reasons=count_by(traces.filter(~pl.col("selected")), "reason"),
        stage_counts=stage_counts(run),
    )
    return str(DatasetCard(f"---\n{metadata.to_yaml()}\n---\n\n{text}"))


def card_data(run: Run, written: list[Written]) -> DatasetCardData:
    """The card's YAML, in agreement with the files: a stale `dataset_info` keeps a dataset from loading."""
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    publish = run.recipe.publish
    data = DatasetCardData(
        language=publish.language,
        license=publish.license,
        pretty_name=run.recipe.name,
        size_categories=[size_category(max(config.rows for config in written))],
        task_categories=["text-generation"],
        tags=TAGS,
        configs=[_data_files(config.config.name, first=config is written[0]) for config in written],
    )
    infos = DatasetInfosDict()
    for config in written:
        splits = SplitDict({"train": SplitInfo("train", num_bytes=config.arrow_bytes, num_examples=config.rows)})
        infos[config.config.name] = DatasetInfo(
            config_name=config.config.name,
            features=features(config.config.schema),
            splits=splits,
            download_size=config.bytes,
            dataset_size=config.arrow_bytes,
        )
    infos.to_dataset_card_data(data)
    return data


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    return next((name for limit, name in _SIZES.items() if rows < limit), "100M<n<1B")


def _data_files(name: str, first: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "config_name": name,
        "data_files": [{"split": "train", "path": f"data/{name}/train-*.parquet"}],
    }
    return entry | ({"default": True} if first else {})


def _render(**values: Any) -> str:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    environment.filters |= {"public": public_label, "cell": _cell, "percent": _percent, "number": _number}
    return environment.from_string(template_path().read_text(encoding="utf-8")).render(**values)


def _cell(text: object) -> str:
    """Any text as a cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
