"""A person's tags and notes as columns of a mix: which mixes read them, and what to say about them.

Annotations are made by no stage. A mix that reads them depends on their content, as it does on the recipe.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from infogap.balance.mix_columns import columns_of
from infogap.errors import InputError
from infogap.ids import digest
from infogap.recipe import Recipe
from infogap.recipe.balance_section import MixSettings
from infogap.runs.pulled_run import PulledFrom
from infogap.runs.run_folder import Run
from infogap.schema import ANNOTATIONS, TRACES

COLUMNS = tuple(name for name in ANNOTATIONS.schema if name != ANNOTATIONS.key)


def reads_annotations(recipe: Recipe) -> bool:
    """Return whether a mix's condition or one of its axes names a column of the annotations."""
    match = recipe.balance.match
    named = {*match.same} if match else set()
    for _, mix in recipe.balance.named_mixes():
        named |= columns_of(mix) | _columns_of_condition(mix)
    return not named.isdisjoint(COLUMNS)


def _columns_of_condition(mix: MixSettings) -> set[str]:
    if mix.where is None:
        return set()
    try:
        return set(pl.sql_expr(mix.where).meta.root_names())
    except pl.exceptions.PolarsError:  # no SQL: the stage says so
        return set()


def annotations_digest(run: Run) -> str:
    """Return a digest of all annotations: that of an empty table where there are none."""
    return digest(run.scan(ANNOTATIONS).sort(ANNOTATIONS.key).collect().rows())


def annotation_notes(run: Run) -> Iterator[str]:
    """Note, for mixes that read annotations, that there are none, or that some belong to no trace of the run."""
    annotations = run.scan(ANNOTATIONS)
    total = annotations.select(pl.len()).collect().item()
    if not total:
        yield "a mix reads `tag` or `note`, and no trace has one yet: infogap view writes them"
        return
    gone = annotations.join(run.scan(TRACES), on=ANNOTATIONS.key, how="anti").select(pl.len()).collect().item()
    if gone:
        yield f"{gone:,} of {total:,} annotations are of traces that the run does not have now; they are kept"


def check_annotations(run: Run) -> None:
    """Raise InputError for a pulled run whose mix reads annotations, which are not published, and that has none."""
    pulled = PulledFrom.of(run)
    if pulled is not None and reads_annotations(run.recipe) and not run.part_paths(ANNOTATIONS):
        raise InputError(
            f"a mix reads `tag` or `note`, and the annotations of {pulled.repo} at {pulled.version} are not published; "
            f"copy the folder {ANNOTATIONS.name}/ of the run that it was made in, or change `balance`"
        )
