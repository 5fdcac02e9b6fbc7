"""What a stage is: its name, what it reads, what of the recipe it depends on, and how it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infogap.recipe import Recipe
from infogap.runs.run_folder import Run


@dataclass(frozen=True)
class Outcome:
    """What a stage did."""

    rows: int
    counts: dict[str, Any] = field(default_factory=dict)  # goes to the manifest
    notes: list[str] = field(default_factory=list)  # goes to the user: what was skipped, why, where to look
    shortfall: str | None = None  # done, but short of the recipe's target: exit code 4


@dataclass(frozen=True)
class Stage:
    """One step from tables to a table.

    `folders[0]` holds the manifest. `part` gives what the result depends on besides the inputs: the
    stage's keys of the recipe and digests of the files it reads, as JSON-able values.
    """

    name: str
    folders: tuple[str, ...]
    inputs: tuple[str, ...]
    version: int  # raised when the same input would give another result
    part: Callable[[Run], dict[str, Any]]
    make: Callable[[Run], Outcome]
    # Why a recipe does not have this stage, and what to do about it; empty where it has.
    absent: Callable[[Recipe], str] = lambda _recipe: ""
    # What else it reads, by the recipe: a table that a setting does not need makes nothing stale.
    inputs_by: Callable[[Recipe], tuple[str, ...]] = lambda _recipe: ()
    # Of a stage that resumes and is not whole: the rows that it has, and a sentence on how far it is.
    begun: Callable[[Run], tuple[int, str] | None] = lambda _run: None
    # Asked before the first stage of a command is made: raises UserError or WorldError where this one could not be.
    ready: Callable[[Run], None] = lambda _run: None
