"""What a mix that was short has asked for, round by round: written down before it is sent.

`top_up.json` in the run folder holds, for every round, how many traces were missing and which samples are to be
generated. It belongs to one recipe and one state of its files, of which it holds a digest, `basis`. For another recipe
the plan does not hold, and a new one is made from the tables; its requests find in the cache what is paid already.
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

Cell = tuple[str, str, str]  # teacher, as traces call it; privilege; task_id

_NO_MATTER = {"top_up", "when_short"}  # what the mixes lack does not depend on these


@dataclass(frozen=True)
class TopUpRound:
    """One round: the traces that were missing in all mixes, and how many more samples are asked of each cell.

    Without samples it is the last one: no task can give what lacks.
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
        """Return it as it is stored: the tasks by teacher and privilege."""
        return {"missing": self.missing, "samples": self._listed()}

    def _listed(self) -> dict[str, dict[str, dict[str, int]]]:
        listed: dict[str, dict[str, dict[str, int]]] = {}
        for (teacher, privilege, task_id), count in sorted(self.samples.items()):
            listed.setdefault(teacher, {}).setdefault(privilege, {})[task_id] = count
        return listed

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> TopUpRound:
        """Read it as it is stored."""
        samples = {
            (teacher, privilege, task_id): count
            for teacher, privileges in stored["samples"].items()
            for privilege, tasks in privileges.items()
            for task_id, count in tasks.items()
        }
        return cls(stored["missing"], samples)


@dataclass(frozen=True)
class TopUpPlan:
    """The rounds that hold for a run's recipe, at most as many as it allows."""

    rounds: tuple[TopUpRound, ...] = ()

    @classmethod
    def read(cls, run: Run) -> TopUpPlan:
        """Read the plan; without rounds where there is none for this recipe."""
        top_up, stored = run.recipe.balance.top_up, _stored(run)
        if top_up is None or stored is None or stored["basis"] != _basis(run):
            return cls()
        return cls(tuple(TopUpRound.from_json(each) for each in stored["rounds"][: top_up.rounds]))

    @property
    def asked(self) -> list[TopUpRound]:
        """The rounds that ask for something."""
        return [each for each in self.rounds if each.samples]

    @property
    def ended(self) -> bool:
        """Whether the last round found no task that can give what lacks."""
        return bool(self.rounds) and not self.rounds[-1].samples

    def write(self, run: Run) -> None:
        """Write the plan down, whole or not at all."""
        plan = {"basis": _basis(run), "rounds": [each.as_json() for each in self.rounds]}
        write_text(_path(run), orjson.dumps(plan).decode() + "\n")


def forget_void_plan(run: Run) -> str | None:
    """Remove a plan of another recipe; return a note that says what becomes of its traces, None if there is none."""
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
        "kept in the cache, and equal requests take them from there"
    )


def _path(run: Run) -> Path:
    return run.path / "top_up.json"


def _stored(run: Run) -> dict[str, Any] | None:
    """Return the plan as stored; None if there is none, or it is damaged: it is then made again from the tables."""
    try:
        stored = orjson.loads(_path(run).read_bytes())
        for each in stored["rounds"]:
            TopUpRound.from_json(each)
        return {"basis": stored["basis"], "rounds": stored["rounds"]}
    except (FileNotFoundError, NotADirectoryError, orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _basis(run: Run) -> str:
    """Return a digest of all that decides what the mixes lack: the settings of every stage up to the mix."""
    settings: dict[str, Any] = {}
    for stage in stages(run.recipe):
        if stage.name == "balance":
            break
        part = generate_settings(run) if stage.name == "generate" else stage.part(run)
        settings[stage.name] = [stage.version, part]
    mixes = run.recipe.balance.model_dump(mode="json", by_alias=True, exclude=_NO_MATTER)
    return digest({"stages": settings, "mixes": mixes, "seed": run.recipe.seed})
