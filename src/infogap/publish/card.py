"""Render the dataset card, metadata for the Hub and a text on how the data was made; merge it with an existing card."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

import infogap
from infogap import plugins
from infogap.console import printable
from infogap.decontaminate.checked_texts import contaminated_traces
from infogap.effects import effects_of, rank_teachers
from infogap.effects.estimate_rows import teacher_rows, worth_rows
from infogap.effects.mix_outlook import mix_profiles, outlook
from infogap.effects.trace_summary import by_privilege, count_by, density_unit, how_chosen, several_teachers
from infogap.errors import InputError
from infogap.ids import digest, file_digest
from infogap.publish.parquet_shards import Shard, Written
from infogap.publish.provenance import PublishedLeaks, mix_shares, stage_counts
from infogap.publish.redaction import public_label, public_recipe
from infogap.publish.source_credits import NOT_STATED, Credit, credits_of, hub_datasets, license_conflicts
from infogap.publish.splits import SplitPlan
from infogap.recipe import yaml_text
from infogap.runs.run_folder import Run
from infogap.schema import CONTAMINATION, features

if TYPE_CHECKING:
    from huggingface_hub import DatasetCardData


REPO = "ORG/NAME"  # placeholder for the repository in the card until it is pushed
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
_LONGEST_AXIS = 25  # an axis with more values is summarised instead of tabulated
_WHAT = {"question": ("question", "questions"), "trace": ("trace", "traces"), "context": ("context", "contexts")}
# Keys derived from the recipe or the files: the new card wins. For all others the card on the Hub wins.
_OURS = ("configs", "dataset_info", "size_categories", "license", "language", "source_datasets", "sources")
_BLOCK = re.compile(r"<!-- infogap: begin.*?<!-- infogap: end -->\n?", re.DOTALL)


def template_path() -> Path:
    """Return the path of the card's template, in the installed package or beside `src` in a source checkout.

    Raises InputError if it is in neither place.
    """
    package = Path(infogap.__file__).parent
    places = [package / "cards" / TEMPLATE, package.parents[1] / "cards" / TEMPLATE]
    for place in places:
        if place.is_file():
            return place
    raise InputError(
        f"the card's template {TEMPLATE} is missing from {places[0].parent} and from {places[1].parent}; "
        "install infogap again"
    )


def template_digest() -> str:
    """Return a digest of the card's wording: the template and the built-in configs' paragraphs, without values."""
    built_in = [name for name in plugins.names("configs") if plugins.provider("configs", name)[0] == "infogap"]
    paragraphs = {name: plugins.load("configs", name).card for name in built_in}
    return digest([file_digest(template_path()), paragraphs])


def card(
    run: Run,
    written: list[Written],
    traces: pl.DataFrame,
    folder: Path,
    published: PublishedLeaks,
    plan: SplitPlan | None,
) -> str:
    """Render README.md for a dataset folder whose configs are already written; `traces` is from `traces_in_short`."""
    from huggingface_hub import DatasetCard

    credits = credits_of(run, traces)
    metadata = card_data(run, written, credits)
    privileges = by_privilege(traces, run.recipe)
    unit = density_unit(traces)
    effects, ranking = effects_of(run), rank_teachers(run)
    mixes = mix_shares(run, traces)
    text = _render(
        template_path().read_text(encoding="utf-8"),
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
        density_unit=unit,
        worth=[(each, worth_rows(each.worth)) for each in effects if each.worth],
        ranking=teacher_rows(ranking, public_label) if ranking else [],
        ranking_notes=ranking.notes if ranking else [],
        outlook=outlook(mix_profiles(run)),
        mixes=mixes,
        longest_axis=_LONGEST_AXIS,
        selected=int(traces["selected"].sum()),
        all=traces.height,
        leaks=int(traces["leak"].sum()),
        published_leaks=published,
        leaks_selected=traces.filter("leak", "selected").height,
        duplicates=traces["duplicate_of"].count(),
        decontaminated=decontaminated(run, traces),
        reasons=count_by(traces.filter(~pl.col("selected")), "reason"),
        stage_counts=stage_counts(run),
        paragraphs=[
            _render(
                each.config.card,
                name=each.config.name,
                density_unit=unit,
                **each.config.card_values(folder / "data" / each.config.name),
            )
            for each in written
            if each.config.card
        ],
        splits=plan.counts if plan is not None else {},
        credits=credits,
        not_stated=NOT_STATED,
        license_conflicts=license_conflicts(run.recipe.publish.license, credits),
        with_prompts=any(each.config.prompts(run) for each in written),
        with_answers=any(each.config.answers(run) for each in written),
    )
    return printable(str(DatasetCard(f"---\n{metadata.to_yaml()}\n---\n\n{text}")))


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
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    environment.filters |= {"public": public_label, "cell": _cell, "percent": _percent, "number": _number}
    return environment.from_string(template).render(**values)


def _cell(text: object) -> str:
    """Format any text as a cell of a Markdown table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


@dataclass(frozen=True)
class Decontaminated:
    """Markdown for the card: what was compared with which evaluation sets, and how many match."""

    compared: str  # such as "questions and traces"
    sets: list[str]  # such as "`aime24` (30 questions, SHA-256 1f0c…)"
    matched: str  # such as "2 questions and 1 trace"
    dropped: int  # traces excluded from the mix because they match
    selected: int | None  # matching traces in the mix; None for a pulled run, where this is unknown

    def as_json(self) -> dict[str, Any]:
        """Return the fields that do not depend on the mix as JSON-able values."""
        return {"compared": self.compared, "sets": self.sets, "matched": self.matched}


def decontaminated(run: Run, traces: pl.DataFrame) -> Decontaminated | None:
    """Describe the decontamination; None if the recipe names no evaluation sets. `traces` is from `traces_in_short`."""
    settings, manifest = run.recipe.decontaminate, run.manifest(CONTAMINATION.name)
    if settings is None or manifest is None:
        return None
    dropped = traces.filter(pl.col("reason") == "contaminated").height
    if published := manifest.counts.get("as_published"):  # a pulled run
        return Decontaminated(**published, dropped=dropped, selected=None)
    sets = zip(manifest.part["against"], manifest.counts["eval_sets"], strict=True)
    matched = manifest.counts["matched"]
    selected = traces.filter("selected").join(contaminated_traces(run).collect(), on="trace_id", how="semi")
    return Decontaminated(
        compared=" and ".join(_WHAT[what][1] for what in settings.on),
        sets=[_named(entry, counts["questions"]) for entry, counts in sets],
        matched=" and ".join(f"{matched[what]:,} {_WHAT[what][matched[what] != 1]}" for what in settings.on),
        dropped=dropped,
        selected=selected.height,
    )


def _named(entry: dict[str, Any], questions: int) -> str:
    """Describe an evaluation set: its name, its number of compared questions and its version."""
    version = [f"{key} `{entry[key]}`" for key in ("config", "split", "revision") if entry[key]]
    if entry["sha256"]:
        version = [f"SHA-256 {entry['sha256'][:16]}"]
    elif not entry["revision"]:
        version.append("no fixed revision")
    size = f"{questions:,} question{'s' if questions != 1 else ''}"
    return f"`{entry['name']}` ({', '.join([size, *version])})"


def merge_cards(ours: str, theirs: str) -> str:
    """Merge the new card with the existing one, which people may have edited. Merging again changes nothing.

    Metadata: configs, dataset_info, sizes, license, language and sources come from the new card, tags are combined, and
    every other key of the existing card is kept. Text: the part between infogap's markers is replaced and the rest is
    kept; an existing card without markers is kept below the new one.

    Raises InputError if the existing card has no valid metadata.
    """
    from huggingface_hub import CardData

    (new, our_text), (old, their_text) = _parse(ours), _parse(theirs)
    gone = [key for key in _OURS if key in old and key not in new]
    data = {key: value for key, value in old.items() if key not in gone}
    data |= {key: value for key, value in new.items() if key in _OURS or key not in old}
    if "tags" in old and "tags" in new:
        data["tags"] = list(dict.fromkeys([*_as_list(old["tags"]), *_as_list(new["tags"])]))
    return f"---\n{CardData(**data).to_yaml()}\n---\n{_merge_texts(our_text, their_text)}"


def _parse(card: str) -> tuple[dict[str, Any], str]:
    import yaml  # type: ignore[import-untyped]  # the parser that huggingface_hub itself reads cards with
    from huggingface_hub import RepoCard

    try:
        parsed = RepoCard(card, ignore_metadata_errors=True)
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(
            f"the existing card has no valid metadata ({str(error).splitlines()[0]}); fix its README.md"
        ) from error
    data: dict[str, Any] = parsed.data.to_dict()  # type: ignore[no-untyped-call]
    return data, parsed.text


def _merge_texts(ours: str, theirs: str) -> str:
    block = _BLOCK.search(ours)
    if block is None or not theirs.strip():
        return ours
    if _BLOCK.search(theirs):
        return _BLOCK.sub(lambda _: block.group(), theirs, count=1)
    return f"{ours.rstrip()}\n\n{theirs.lstrip()}"


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])
