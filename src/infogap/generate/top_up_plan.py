"""The plan of a top-up: the further samples that mixes lack, round by round, stored before they are requested.

`top_up.json` in the run folder holds, for every round, how many traces were missing and which samples to generate. It
belongs to one recipe and one state of its files, and holds a digest of both, `basis`. If either changes, the plan is
void and a new one is made from the tables; its requests find answers that were already paid for in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from infogap.atomic_files import write_text
from infogap.generate.generate_settings import generate_settings
from infogap.ids import digest
from infogap.runs.pipeline import stages
from infogap.runs.run_folder import Run

Cell = tuple[str, str, str]  # the teacher's name in the traces, privilege, task_id

_NO_MATTER = {"top_up", "when_short"}  # what the mixes lack does not depend on these


@dataclass(frozen=True)
class TopUpRound:
    """One round: the traces that all mixes together lacked, and how many more samples of each cell to generate.

    A round without samples is the last: no task can supply what is missing.
    """

    missing: int
    samples: dict[Cell, int]

    @property
    def requests(self) -> int:
        """The number of samples."""
        return sum(self.samples.values())

    def as_part(self) -> dict[str, Any]:
        """Return its part of the fingerprint of generate."""
        return {"requests": self.requests, "digest": digest(self._listed())}

    def as_json(self) -> dict[str, Any]:
        """Return the round in its stored form: the tasks by teacher and privilege."""
        return {"missing": self.missing, "samples": self._listed()}

    def _listed(self) -> dict[str, dict[str, dict[str, int]]]:
        listed: dict[str, dict[str, dict[str, int]]] = {}
        for (teacher, privilege, task_id), count in sorted(self.samples.items()):
            listed.setdefault(teacher, {}).setdefault(privilege, {})[task_id] = count
        return listed

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> TopUpRound:
        """Read a round from its stored form."""
        samples = {
            (teacher, privilege, task_id): count
            for teacher, privileges in stored["samples"].items()
            for privilege, tasks in privileges.items()
            for task_id, count in tasks.items()
        }
        return cls(stored["missing"], samples)


@dataclass(frozen=True)
class TopUpPlan:
    """The rounds that are valid for a run's recipe, at most as many as it allows."""

    rounds: tuple[TopUpRound, ...] = ()

    @classmethod
    def read(cls, run: Run) -> TopUpPlan:
        """Read the plan; it has no rounds if there is none for this recipe."""
        top_up, stored = run.recipe.balance.top_up, _stored(run)
        if top_up is None or stored is None or stored["basis"] != _basis(run):
            return cls()
        return cls(tuple(TopUpRound.from_json(each) for each in stored["rounds"][: top_up.rounds]))

    @property
    def rounds_to_fill(self) -> list[TopUpRound]:
        """The rounds with samples."""
        return [each for each in self.rounds if each.samples]

    @property
    def ended(self) -> bool:
        """True if the last round found no task that can supply what is missing."""
        return bool(self.rounds) and not self.rounds[-1].samples

    def write(self, run: Run) -> None:
        """Write the plan to the run folder, whole or not at all."""
        plan = {"basis": _basis(run), "rounds": [each.as_json() for each in self.rounds]}
        write_text(_path(run), orjson.dumps(plan).decode() + "\n")


def forget_void_plan(run: Run) -> str | None:
    """Remove a plan of another recipe; return a note on what happens to its traces, None if it has none."""
    stored = _stored(run)
    if stored is None:
        return None
    if run.recipe.balance.top_up is not None and stored["basis"] == _basis(run):
        return None
    rounds = [TopUpRound.from_json(each) for each in stored["rounds"]]
    _path(run).unlink()
    requests = sum(each.requests for each in rounds)
    if not requests:
        return None
    return (
        f"the top-up of an earlier recipe ({requests:,} requests in {len(rounds)} rounds) is dropped; its traces are "
        "kept in the cache, and equal requests reuse them"
    )


def _path(run: Run) -> Path:
    return run.path / "top_up.json"


def _stored(run: Run) -> dict[str, Any] | None:
    """Return the plan as stored; None if there is none or it is damaged: a new one is then made from the tables."""
    try:
        stored = orjson.loads(_path(run).read_bytes())
        for each in stored["rounds"]:
            TopUpRound.from_json(each)
        return {"basis": stored["basis"], "rounds": stored["rounds"]}
    except (FileNotFoundError, NotADirectoryError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _basis(run: Run) -> str:
    """Return a digest of everything that decides what the mixes lack: the settings of every stage up to the mix."""
    settings: dict[str, Any] = {}
    for stage in stages(run.recipe):
        if stage.name == "balance":
            break
        part = generate_settings(run) if stage.name == "generate" else stage.part(run)
        settings[stage.name] = [stage.version, part]
    mixes = run.recipe.balance.model_dump(mode="json", by_alias=True, exclude=_NO_MATTER)
    return digest({"stages": settings, "mixes": mixes, "seed": run.recipe.seed})
