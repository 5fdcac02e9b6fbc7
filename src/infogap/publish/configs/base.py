"""What a published config is: an object that says everything of itself."""

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
    """What it holds, a phrase for the card's table."""

    features: pl.Schema | Callable[[Run], pl.Schema]
    """Its columns as Polars types, which become `datasets.Features`; a function where they depend on the run."""

    key: pl.Expr
    """What tells a row from all others; `infogap diff` compares datasets by it."""

    rows: Callable[[Run, pl.DataFrame], Iterable[pl.DataFrame]]
    """The rows, from a run and its table `mix`: frames with these columns, a Parquet file each, in a fixed order."""

    empty: str = "it has no rows"
    """Why it may have no rows, which ends `infogap publish` with an error."""

    privileged: str = ""
    """What it publishes that the student must not see, such as `what teachers were shown`; said on every publish."""

    opt_in: bool = False
    """Whether it is for those who ask for it by name: then no recipe has it by default."""

    card: str = ""
    """Its paragraph in the card: Markdown, a Jinja template like the card, which may use `card_values`."""

    card_values: Callable[[Path], dict[str, Any]] = lambda _folder: {}
    """From the dataset folder with all its files, the values that the paragraph shows."""

    notes: Callable[[pl.DataFrame, int], list[str]] = lambda _traces, _rows: []
    """What to tell whoever publishes, from the traces (`traces_in_short`) and the number of rows written."""

    def columns(self, run: Run) -> pl.Schema:
        """Its columns in this run."""
        return self.features if isinstance(self.features, pl.Schema) else self.features(run)

    def prompts(self, run: Run) -> bool:
        """Whether it shows the student's prompt: some column holds chat messages."""
        return MESSAGES in self.columns(run).values()

    def answers(self, run: Run) -> bool:
        """Whether it shows traces as chat messages: some column other than `prompt` holds them."""
        return any(dtype == MESSAGES for name, dtype in self.columns(run).items() if name != "prompt")
