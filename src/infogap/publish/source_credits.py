"""List a dataset's sources with their licenses and links, and point out licenses that may conflict."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import polars as pl

from infogap.publish.made_from import stage_counts
from infogap.publish.redaction import public_label
from infogap.recipe import LoadedRecipe, resolved
from infogap.recipe.sources import GymTasks, Source
from infogap.rows.reasoning_gym import label
from infogap.runs.run_folder import Run
from infogap.schema import TASKS

NOT_STATED = "not stated"
# From the library's own metadata; a recipe can override them for a dataset that the library wraps.
_GYM = ("apache-2.0", "https://github.com/open-thought/reasoning-gym")
_HUB_DATASET = re.compile(r"(?:hf://datasets/)?([\w.-]+/[\w.-]+)(?:@[^/]*)?(/.*)?")
_NO_STRINGS = re.compile(
    r"apache-2\.0|mit|isc|unlicense|wtfpl|zlib|bsd(-.*)?|cc0-1\.0|cc-by-\d\.\d|odc-by|pddl|cdla-permissive-.*|cc|afl-3\.0"
    r"|ms-pl|bsl-1\.0|ncsa|postgresql|artistic-2\.0|0bsd"
)
_SHARE_ALIKE = re.compile(r"(cc-by(?:-nc)?-sa|[al]?gpl|gfdl|odbl|cdla-sharing|osl|eupl|mpl)(?:-([\d.]+).*)?")
_NON_COMMERCIAL = re.compile(r"cc-by-nc(-.*)?|.*non-?commercial.*")
_NO_DERIVATIVES = re.compile(r"cc-by(-nc)?-nd(-.*)?")


@dataclass(frozen=True)
class Credit:
    """What the card says about one source."""

    name: str
    tasks: int  # tasks with at least one trace
    selected: int  # traces in any mix
    license: str | None
    url: str | None
    traces: int = 0  # traces read from it, if they were imported and sources have questions in common

    def as_metadata(self) -> dict[str, str]:
        """Return the source's entry in the card's YAML metadata."""
        stated = {"license": self.license or NOT_STATED} | ({"url": self.url} if self.url else {})
        return {"name": self.name} | stated


def credits_of(run: Run, traces: pl.DataFrame) -> list[Credit]:
    """Return the recipe's sources in its order, equal ones merged. `traces` is from `traces_in_short`.

    A task belongs to the first source that has its question. So where imports have questions in common, the numbers
    are those that each source had when it was read, and `selected` says nothing of it.
    """
    # By task before the sources are joined, as labels: a million traces would each get a copy of a path.
    by_task = traces.lazy().group_by("task_id").agg(pl.col("selected").sum())
    sources = run.scan(TASKS).select("task_id", pl.col("source").cast(pl.Categorical))
    counts = (
        by_task.join(sources, on="task_id", how="left")
        .group_by("source")
        .agg(tasks=pl.len(), selected=pl.col("selected").sum())
        .with_columns(pl.col("source").cast(pl.String))
        .collect()
    )
    credits: dict[tuple[str, str | None, str | None], Credit] = {}
    counted = {source: (tasks, selected) for source, tasks, selected in counts.iter_rows()}
    read = _as_read(run) if run.recipe.imports and shared_questions(run) else None
    for source in run.recipe.import_ or run.recipe.tasks or []:
        license_, url = _stated(run, source)
        labels = [label(name) for name in source.names] if isinstance(source, GymTasks) else [source.from_]
        for name in labels:
            # Two entries with the same name cannot be told apart: the first gets all their tasks.
            tasks, selected = counted.pop(name, (0, 0))
            of_source = 0
            if read is not None:
                tasks, of_source = next(read)
            key = (public_label(source.from_), license_, url)
            before = credits.get(key, Credit(*key[:1], 0, 0, license_, url))
            credits[key] = replace(
                before,
                tasks=before.tasks + tasks,
                selected=before.selected + selected,
                traces=before.traces + of_source,
            )
    return list(credits.values())


def shared_questions(run: Run) -> int:
    """Return how many rows have a question that an earlier source has, too."""
    return int(stage_counts(run).get("tasks", {}).get("merged_between_sources", 0))


def _as_read(run: Run) -> Iterator[tuple[int, int]]:
    """Yield the tasks and traces of each import, as its manifests count them."""
    counts, seen = stage_counts(run), Counter[str]()
    for source in run.recipe.import_ or []:
        name = public_label(source.from_)
        seen[name] += 1
        entry = f"sources {name}" if seen[name] == 1 else f"sources {name} ({seen[name]})"
        tasks, traces = counts.get("tasks", {}), counts.get("import", {})
        yield int(tasks.get(f"{entry}: tasks", 0)), int(traces.get(f"{entry}: traces", 0))


def planned_conflicts(loaded: LoadedRecipe) -> list[str]:
    """Return the sentences of `license_conflicts` and `conflicts_between` for the sources of a recipe, before a run."""
    run = Run.create(loaded)
    credits = [
        Credit(public_label(source.from_), 0, 0, *_stated(run, source))
        for source in run.recipe.import_ or run.recipe.tasks or []
    ]
    credits = list(dict.fromkeys(credits))
    return [*license_conflicts(run.recipe.publish.license, credits), *conflicts_between(credits)]


def hub_datasets(credits: list[Credit]) -> list[str]:
    """Return the ids of the sources that are datasets on the Hub, for `source_datasets` in the card's metadata."""
    prefix = "https://huggingface.co/datasets/"
    return list(dict.fromkeys(each.url.removeprefix(prefix) for each in credits if each.url and prefix in each.url))


def _stated(run: Run, source: Source | GymTasks) -> tuple[str | None, str | None]:
    if isinstance(source, GymTasks):
        return source.license or _GYM[0], source.url or _GYM[1]
    return source.license, source.url or _hub_page(run, source)


def _hub_page(run: Run, source: Source) -> str | None:
    found = _HUB_DATASET.fullmatch(source.files[0]) if len(source.files) == 1 else None
    if found is None or (found[2] and not source.files[0].startswith("hf://")):
        return None
    on_hub = source.files[0].startswith("hf://") or not (
        resolved(run.base, source.files[0]).exists() or re.search(r"\.(jsonl?|csv|parquet|eval|gz|bz2|zst)$", found[1])
    )
    return f"https://huggingface.co/datasets/{found[1]}" if on_hub else None


def license_conflicts(license_: str, credits: list[Credit]) -> list[str]:
    """Return a sentence for each source whose license may conflict with the dataset's, or is unknown.

    Licenses are recognised by the ids that the Hub uses. Whether a dataset is a derivative of its questions in the
    sense of a license is not decided here: the sentences point out what the user should check.
    """
    return [
        f"`{each.name}` is {each.license}: {problem}"
        for each in credits
        if each.license is not None
        for problem in _problems(each.license.casefold(), license_.casefold())
    ]


def _problems(source: str, dataset: str) -> Iterator[str]:
    if _NON_COMMERCIAL.fullmatch(source) and not _NON_COMMERCIAL.fullmatch(dataset):
        yield f"it forbids commercial use, which the dataset's license, {dataset}, does not rule out"
    if _NO_DERIVATIVES.fullmatch(source):
        yield "it forbids sharing adapted material, and a dataset of traces may count as such"
    alike = _SHARE_ALIKE.fullmatch(source)
    if alike and not _is_alike(alike, _SHARE_ALIKE.fullmatch(dataset)):
        yield f"it requires adapted material to be under the same license, and the dataset is {dataset}"
    known = (_NO_STRINGS, _NON_COMMERCIAL, _NO_DERIVATIVES, _SHARE_ALIKE)
    if not any(pattern.fullmatch(source) for pattern in known):
        yield "its terms are unknown to infogap"


def conflicts_between(credits: list[Credit]) -> list[str]:
    """Return a sentence for each two sources whose licenses no license of one dataset may satisfy."""
    licensed = {(each.name, each.license.casefold()) for each in credits if each.license is not None}
    return [
        f"`{first}` is {one} and `{second}` is {other}: {problem}"
        for (first, one), (second, other) in combinations(sorted(licensed), 2)
        if (problem := _problem_between(one, other))
    ]


def _problem_between(one: str, other: str) -> str | None:
    alike, other_alike = _SHARE_ALIKE.fullmatch(one), _SHARE_ALIKE.fullmatch(other)
    if alike and other_alike and not (_is_alike(alike, other_alike) or _is_alike(other_alike, alike)):
        return "each requires adapted material to be under its own license"
    limited = [bool(_NON_COMMERCIAL.fullmatch(each)) for each in (one, other)]
    if (alike and limited == [False, True]) or (other_alike and limited == [True, False]):
        return "one requires adapted material to be under its own license, which the other's terms are stricter than"
    return None


def _is_alike(source: re.Match[str], dataset: re.Match[str] | None) -> bool:
    """Return True if the dataset has the source's license or a later version of it."""
    if dataset is None or dataset[1] != source[1]:
        return False
    versions = [[int(part) for part in (each[2] or "0").strip(".").split(".")] for each in (source, dataset)]
    return versions[0] <= versions[1]


def credit_notes(license_: str, credits: list[Credit]) -> list[str]:
    """Return notes for the user who publishes: possible conflicts, and sources without a license."""
    conflicts = [*license_conflicts(license_, credits), *conflicts_between(credits)]
    notes = [f"licenses: {conflict}" for conflict in conflicts]
    unstated = [f"`{each.name}`" for each in credits if each.license is None]
    if unstated:
        notes.append(f"licenses: not stated for {', '.join(unstated)}; set `license:` and `url:` in the source's entry")
    return notes
