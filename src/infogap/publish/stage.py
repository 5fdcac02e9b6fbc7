"""The stage `publish`: what its dataset depends on. `dataset_folder.py` makes it."""

from __future__ import annotations

from typing import Any

import infogap
from infogap.errors import InputError
from infogap.publish.card_template import template_digest
from infogap.publish.made_from import INPUTS, fingerprints, library_versions
from infogap.publish.redaction import public_recipe
from infogap.recipe.recipe_errors import spell_path
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage

FOLDER = "dataset"


def _part(run: Run) -> dict[str, Any]:
    """Return everything that determines infogap.json and the card, so that neither depends on the run's history.

    The recipe is the published one, which omits the repository: moving a dataset does not rewrite it.
    """
    return {
        "recipe": public_recipe(run.recipe),
        "template": template_digest(),
        "infogap": infogap.__version__,
        "libraries": library_versions(run),
        "fingerprints": fingerprints(run),
    }


def _make(run: Run) -> Outcome:
    from infogap.publish.dataset_folder import write_dataset  # with the card, its charts and the search for leaks

    return write_dataset(run, run.path / FOLDER)


def _ready(run: Run) -> None:
    from infogap.publish.published_views import name_problem

    if problem := name_problem(run.recipe):
        raise InputError(f"{spell_path(problem[0])}: {problem[1]}")


STAGE = Stage("publish", (FOLDER,), INPUTS, 8, _part, _make, ready=_ready)
