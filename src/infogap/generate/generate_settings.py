"""What determines the traces of a run, for fingerprints."""

from __future__ import annotations

from typing import Any

from infogap.privileges.contexts import load_wording
from infogap.privileges.ladder import privilege_versions
from infogap.runs.run_folder import Run
from infogap.teachers.answering_teacher import answering_teachers
from infogap.verify.grade_traces import grading_settings


def generate_settings(run: Run) -> dict[str, Any]:
    """Return the settings behind the traces, top-up aside.

    Where the teachers run and how many requests are in flight is not among them.
    """
    generate = run.recipe.generate
    assert generate is not None
    wording = load_wording(generate.wording)
    worded = {use.privilege.worded_as for use in generate.uses} & wording.contexts.keys()
    part = {
        "seed": run.recipe.seed,
        **_teachers(run),
        "generate": generate.model_dump(mode="json", by_alias=True, exclude_none=True),
        "wording": {"frame": wording.frame, "contexts": {name: wording.contexts[name] for name in sorted(worded)}},
    }
    if generate.in_rounds or any(use.privilege.graded for use in generate.uses):
        part["grading"] = grading_settings(run)
    if versions := privilege_versions(generate.named, run.base):
        part["privileges"] = versions
    return part


def _teachers(run: Run) -> dict[str, Any]:
    identities = [({"name": each.name} if each.named else {}) | each.identity for each in answering_teachers(run)]
    return {"teachers": identities} if run.recipe.teachers else {"teacher": identities[0]}
