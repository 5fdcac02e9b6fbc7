"""What verdicts depend on besides the texts, for fingerprints."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from infogap.recipe import Recipe
from infogap.recipe.sources import GymTasks
from infogap.recipe.verify_section import Verify
from infogap.rows import reasoning_gym as gym
from infogap.runs.run_folder import Run
from infogap.user_objects import is_user_object, source_digest
from infogap.verify.grading_pool import TIME_LIMIT
from infogap.verify.verifiers import provider_versions, verifier
from infogap.verify.verifiers.consensus import NAME as CONSENSUS
from infogap.verify.verifiers.judge import NAME as JUDGE

VERSION = 7  # raised when the same response gets a different verdict
_CONSENSUS_VERSION = 1  # raised when the same samples agree on another answer


def grading_settings(run: Run) -> dict[str, Any]:
    """Return what verdicts depend on besides the texts, for fingerprints.

    These are the version of infogap's rules and of the libraries, the time limit, the source of the user's functions,
    the packages that register other verifiers, and the versions of programs that a verifier runs.
    """
    libraries = {"math-verify": version("math-verify")}
    if any(isinstance(source, GymTasks) for source in run.recipe.tasks or []):
        libraries["reasoning-gym"] = gym.library_version()
    settings: dict[str, Any] = {"version": VERSION, "libraries": libraries, "time_limit": TIME_LIMIT}
    given = {source.verifier for source in run.recipe.table_sources}
    names = given | {source.gold_verifier for source in run.recipe.table_sources}
    functions = {name: source_digest(name, run.base) for name in sorted(names) if is_user_object(name)}
    packages = provider_versions(names)
    programs = {name: versions for name in sorted(names) if (versions := verifier(name).programs())}
    return (
        settings
        | ({"functions": functions} if functions else {})
        | ({"verifiers": packages} if packages else {})
        | ({"programs": programs} if programs else {})
        | ({"consensus": _consensus_settings(run.recipe)} if CONSENSUS in given else {})
        | ({"judge": _judge_settings(run)} if JUDGE in given else {})
    )


def _consensus_settings(recipe: Recipe) -> dict[str, Any]:
    rule = (recipe.verify or Verify()).consensus_rule
    return {"version": _CONSENSUS_VERSION, **rule.model_dump(mode="json")}


def _judge_settings(run: Run) -> dict[str, Any]:
    from infogap.verify.judging.ask_judge import judge_settings

    judge = run.recipe.verify.judge if run.recipe.verify else None
    return judge_settings(run, judge) if judge is not None else {}
