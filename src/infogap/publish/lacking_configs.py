"""Say why a config that the recipe asks for has no rows: by the settings of its mix, or because too little was left."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from infogap.balance.exclusion_reasons import Funnel
from infogap.publish.configs.base import Config
from infogap.publish.published_views import as_listed
from infogap.runs.run_folder import Run
from infogap.schema import MIX

View = tuple[Config, str]
"""A config, and the name of the mix of which it has the rows."""


def told_apart(run: Run, asked_for: list[View], written: set[str]) -> tuple[list[View], list[View], dict[str, str]]:
    """Divide the views into those with rows, those that lack rows, and those without rows by design: why, by name."""
    full = [view for view in asked_for if view[0].name in written]
    # What one of several mixes cannot have is not lacking where another has it.
    elsewhere = {as_listed(run.recipe, config) for config, _ in full}
    empty = [view for view in asked_for if view[0].name not in written]
    by_design = {
        config.name: why
        for config, mix in empty
        if as_listed(run.recipe, config) in elsewhere and (why := _by_design(run, config, mix))
    }
    return full, [view for view in empty if view[0].name not in by_design], by_design


def nothing_to_publish(run: Run, views: Iterable[View]) -> str:
    """Say why views have no rows, in a line for all the mixes of which a config has none for the same reason."""
    names: dict[tuple[str, str], list[str]] = {}
    for config, mix in views:
        names.setdefault((_why_no_rows(run, config, mix), as_listed(run.recipe, config)), []).append(config.name)
    return "\n".join(
        f"nothing to publish as {in_words(alike)}: {why}{_why_empty(run)}; see `infogap status {run.path}`, "
        f"or leave `{listed}` out of publish.configs"
        for (why, listed), alike in names.items()
    )


def mix_rows(run: Run, name: str) -> pl.DataFrame:
    """Read the rows of a mix, sorted by trace. A million take a hundred megabytes, so that nothing keeps them."""
    return run.scan(MIX).filter(pl.col("mix") == name).sort(MIX.key).collect()


def in_words(names: list[str]) -> str:
    """Return names as a sentence has them: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if quoted[1:] else quoted)


def _why_no_rows(run: Run, config: Config, mix: str) -> str:
    return config.empty if isinstance(config.empty, str) else config.empty(run, mix_rows(run, mix))


def _by_design(run: Run, config: Config, mix: str) -> str:
    """Return why a mix has no rows of a config by its own settings; an empty string if it should have some."""
    if config.privileged:  # its teachers were shown nothing; another mix, matched to it, has contexts
        return _why_no_rows(run, config, mix)
    return config.empty_by_design(run, dict(run.recipe.balance.named_mixes())[mix])


def _why_empty(run: Run) -> str:
    """Explain what excluded every trace of an empty mix; return an empty string if no mix is empty."""
    manifest = run.manifest(MIX.name)
    mixes = manifest.counts.get("mixes", {}) if manifest else {}
    empty = [counts["funnel"] for counts in mixes.values() if not counts.get("funnel", {"selected": 1})["selected"]]
    return f" (of {empty[0]['traces']:,} traces: {Funnel.from_counts(empty[0]).in_words()})" if empty else ""
