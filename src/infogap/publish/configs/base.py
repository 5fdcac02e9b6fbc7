"""The published config: an object that describes a view of the dataset and yields its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from infogap.publish.published_columns import MESSAGES
from infogap.runs.run_folder import Run


@dataclass(frozen=True, kw_only=True)
class Config:
    """A view of the dataset, registered under its name in the entry-point group `infogap.configs`.

    Recipes name it in `publish.configs`; people load it with `load_dataset(REPO, NAME)`.
    """

    name: str
    shows: str
    """What it holds, as a phrase for the card's table."""

    features: pl.Schema | Callable[[Run], pl.Schema]
    """Its columns as Polars types, published as `datasets.Features`; a function of the run if they depend on it."""

    key: pl.Expr
    """The key of a row, by which `infogap diff` compares datasets."""

    rows: Callable[[Run, pl.DataFrame], Iterable[pl.DataFrame]]
    """From a run and the rows of its table `mix` that are of one mix, frames with these columns in a fixed order.

    Each frame becomes a Parquet file.
    """

    empty: str | Callable[[Run, pl.DataFrame], str] = "it has no rows"
    """Why it may have no rows, for the error message; or what finds out, given the same as `rows`."""

    privileged: str = ""
    """What it publishes that the student must not see, if anything; whoever publishes is told."""

    of_mix: bool = False
    """True if its rows depend on the mix: of a recipe with several mixes it is published once for each."""

    as_asked: Callable[[Run], Config | None] = lambda _run: None
    """From a run, the config as its recipe asks for it, where it has settings of its own; None for itself."""

    card: str = ""
    """Its paragraph in the card: Markdown with Jinja, which may use `card_values`, `density_unit`, and its `name`."""

    card_values: Callable[[Path], dict[str, Any]] = lambda _folder: {}
    """From the folder of its Parquet files, the values that the paragraph shows."""

    notes: Callable[[pl.DataFrame, int], list[str]] = lambda _traces, _rows: []
    """From the traces (`traces_in_short`) and the number of written rows, notes for whoever publishes."""

    def columns(self, run: Run) -> pl.Schema:
        """Return its columns in this run."""
        return self.features if isinstance(self.features, pl.Schema) else self.features(run)

    def prompts(self, run: Run) -> bool:
        """True if it shows the student's prompt: a column holds chat messages."""
        return MESSAGES in self.columns(run).values()

    def answers(self, run: Run) -> bool:
        """True if it shows traces as chat messages: a column other than `prompt` holds them."""
        return any(dtype == MESSAGES for name, dtype in self.columns(run).items() if name != "prompt")
