"""What a stage is: its name, its inputs, the settings it depends on, and the function that writes its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infogap.recipe import Recipe
from infogap.runs.run_folder import Run


@dataclass(frozen=True)
class Outcome:
    """The result of a stage."""

    rows: int
    counts: dict[str, Any] = field(default_factory=dict)  # goes to the manifest
    notes: list[str] = field(default_factory=list)  # goes to the user: what was skipped, why, where to look
    shortfall: str | None = None  # done, but short of the recipe's target: exit code 4


@dataclass(frozen=True)
class Stage:
    """One step from tables to a table.

    `folders[0]` holds the manifest. `part` returns what the result depends on besides the inputs: the stage's keys of
    the recipe and digests of the files it reads, as JSON-able values.
    """

    name: str
    folders: tuple[str, ...]
    inputs: tuple[str, ...]
    version: int  # raised when the same input gives a different result
    part: Callable[[Run], dict[str, Any]]
    make: Callable[[Run], Outcome]
    # Why a recipe does not have this stage, and what to add to it; empty if it does.
    absent: Callable[[Recipe], str] = lambda _recipe: ""
    # Further inputs, by the recipe: a table that the settings do not need makes nothing stale.
    inputs_by: Callable[[Recipe], tuple[str, ...]] = lambda _recipe: ()
    # For a stage that resumes and is incomplete: its rows so far, and a sentence on its progress.
    begun: Callable[[Run], tuple[int, str] | None] = lambda _run: None
    # Called before the first stage of a command runs: raises InputError or ExternalError if this one could not run.
    ready: Callable[[Run], None] = lambda _run: None
    # Called before the stage runs, or where its result was short: whether it has asked an earlier stage for more, so
    # that the stages are to be brought up to date from the first on.
    asks_for_more: Callable[[Run], bool] = lambda _run: False
