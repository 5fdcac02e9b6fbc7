"""The stage `verify`: what its verdicts depend on. `verify_traces.py` gives them."""

from __future__ import annotations

from typing import Any

from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.verify.grading_settings import VERSION, grading_settings


def _part(run: Run) -> dict[str, Any]:
    return grading_settings(run)


def _begun(run: Run) -> tuple[int, str] | None:
    """Return no rows, and a sentence on the votes that a judge has given; None if it has given none."""
    if run.recipe.verify is None or run.recipe.verify.judge is None:
        return None
    from infogap.verify.judging.vote_journal import VoteJournal

    votes = len(VoteJournal(run))
    return (0, f"{votes:,} votes of the judge are on disk") if votes else None


def _make(run: Run) -> Outcome:
    from infogap.verify.verify_traces import verify_traces

    return verify_traces(run)


STAGE = Stage(
    "verify", (VERDICTS.name,), (TASKS.name, TRACES.name), VERSION, _part, _make, begun=_begun, sees_derived=False
)
