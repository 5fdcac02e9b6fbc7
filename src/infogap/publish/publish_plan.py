"""Plan a publication: compare the dataset with its last version, and find the version number the changes require."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from infogap.console import say
from infogap.errors import InputError
from infogap.publish.dataset_changes import DatasetChanges, dataset_changes
from infogap.publish.dataset_folder import write_dataset
from infogap.publish.hub_client import clear_errors, hub_client, transfer_bars
from infogap.publish.hub_push import PushResult
from infogap.publish.hub_retries import retried
from infogap.publish.last_version import LastVersion, last_in_folder, last_on_hub
from infogap.publish.published_dataset import PublishedDataset
from infogap.publish.stage import FOLDER, STAGE
from infogap.publish.version_rules import Version
from infogap.runs.pipeline import check_inputs, stages
from infogap.runs.run_folder import Run
from infogap.runs.staleness import Staleness


@dataclass(frozen=True)
class PublishPlan:
    """What would be published, and how it differs from the last version."""

    where: str  # "org/name", or a folder
    last: str | None  # None if there is no version yet
    version: str  # from the recipe
    asked_for: str  # the lowest version that the changes allow; the last one if nothing has changed
    changes: DatasetChanges
    shortfall: str | None = None  # which configs have no rows: then nothing would be published

    @property
    def is_enough(self) -> bool:
        """True if the recipe's version is as high as the changes require."""
        return self.last is None or _release(self.version) >= _release(self.asked_for)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON-able values."""
        return asdict(self) | {"level": self.changes.level, "enough": self.is_enough}


@dataclass(frozen=True)
class Published:
    """The outcome of publishing."""

    version: str
    written: bool  # True if the version is new in the folder given by `to`
    pushed: PushResult | None


def _release(version: str) -> tuple[int, int, int]:
    parsed = Version.parse(version)
    assert parsed is not None
    return parsed.release


def plan_publish(run: Run, to: Path | None = None) -> PublishPlan:
    """Compare what the run would publish with the last version, in the folder `to` or else the recipe's repository.

    Only temporary files are written. With neither folder nor repository, everything counts as new.

    Raises InputError if the dataset cannot be built or the last version cannot be read, ShortfallError if all configs
    would be empty, ExternalError if the Hub does not answer.
    """
    with built(run) as (folder, shortfall), ExitStack() as stack:
        ours = PublishedDataset(folder)
        repo = run.recipe.publish.repo
        if to is not None:
            where, last = str(to), last_in_folder(to)
        elif repo is not None:
            where, api = repo, hub_client()
            with clear_errors(api.endpoint, repo, doing="pull"), transfer_bars():
                last = retried(lambda: stack.enter_context(last_on_hub(api, repo, ours)))
        else:
            where, last = "nowhere yet: no --to, and no publish.repo", None
        return replace(_plan(run, where, last, ours), shortfall=shortfall)


def _plan(run: Run, where: str, last: LastVersion | None, ours: PublishedDataset) -> PublishPlan:
    version = run.recipe.publish.version
    if last is None:
        return PublishPlan(where, None, version, version, dataset_changes(None, ours))
    changes = dataset_changes(last.dataset, ours)
    if last.dataset is None:
        say(f"{where} at {last.version} was not made by infogap and cannot be compared: everything counts as new")
        return PublishPlan(where, str(last.version), version, str(last.version.raised("major")), changes)
    next_ = last.version if changes.level is None else last.version.raised(changes.level)
    return PublishPlan(where, str(last.version), version, str(next_), changes)


@contextmanager
def built(run: Run) -> Iterator[tuple[Path, str | None]]:
    """Yield the run's dataset folder, or one built in a temporary folder if it is not up to date, and its shortfall."""
    order = stages(run.recipe)
    staleness = Staleness(run, order)
    stage = next(stage for stage in order if stage.name == STAGE.name)
    state = staleness.state(stage)
    if state.state == "done":
        yield run.path / FOLDER, state.shortfall
        return
    check_inputs(run, stage, staleness)
    stage.ready(run)
    with TemporaryDirectory(prefix="infogap-publish-") as folder:
        outcome = write_dataset(run, Path(folder) / FOLDER)
        yield Path(folder) / FOLDER, outcome.shortfall


def next_version(plan: PublishPlan) -> str:
    """Return the version that `auto` stands for.

    Raises InputError if there is neither a folder nor a repository to find the last version in.
    """
    if plan.where.startswith("nowhere"):
        raise InputError("--version auto needs the last version: name its folder (--to) or its repository (--repo)")
    return plan.asked_for
