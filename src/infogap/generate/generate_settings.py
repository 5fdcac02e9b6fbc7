"""The settings that determine the traces of a run, for fingerprints."""

from __future__ import annotations

from typing import Any

from infogap.privileges.ladder import privilege_versions
from infogap.privileges.template_sets import load_wording
from infogap.runs.run_folder import Run
from infogap.tasks.held_out_tasks import hold_outs
from infogap.teachers.model_identity import teacher_identity
from infogap.verify.grading_settings import grading_settings


def generate_settings(run: Run) -> dict[str, Any]:
    """Return the settings that determine the traces, except for a top-up.

    Where the teachers run, and how many requests are in flight, does not change the traces.
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
    if generate.shows_notes:
        part["notes"] = {
            "prompts": {use.label: use.privilege.note_prompt for use in generate.uses if use.notes},
            "held_out": [each.model_dump(mode="json") for each in hold_outs(run.recipe)],  # no lesson comes from these
        }
    if versions := privilege_versions(generate.named, run.base):
        part["privileges"] = versions
    return part


def _teachers(run: Run) -> dict[str, Any]:
    identities = {name: teacher_identity(each, run.resolve) for name, each in run.recipe.every_teacher.items()}
    if run.recipe.teachers:  # a list, as their order is that of their traces in the table
        return {"teachers": [{"name": name, **identity} for name, identity in identities.items()]}
    return {"teacher": identities[""]}
