"""The model that scores the texts of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from infogap.recipe.measure_section import scorer_settings
from infogap.recipe.teacher_section import AnyTeacher
from infogap.runs.run_folder import Run
from infogap.teachers import model_identity
from infogap.teachers.base import backend_of, open_scorer
from infogap.teachers.scorer import Scorer


def settings_of(run: Run) -> AnyTeacher:
    """Return the settings of the recipe's scorer."""
    gap = run.recipe.measure.gap
    assert gap is not None
    return scorer_settings(gap.scorer, run.recipe.teacher)


def scorer_name(run: Run) -> str:
    """Return the model's name in the gaps table: the same that a teacher has in the traces."""
    return model_identity.name_of(settings_of(run), run.resolve)


def scorer_identity(run: Run) -> dict[str, Any]:
    """Return what a text's score depends on besides the text and its prompt."""
    return model_identity.scorer_identity(settings_of(run), run.resolve)


def check_scorer(run: Run) -> None:
    """Check that the model can score, without loading it.

    Raises InputError if it cannot, for example because a file, a package or a server's log-probabilities of prompts are
    missing, ExternalError if no server answers.
    """
    settings = settings_of(run)
    backend_of(settings).check_scorer(settings, run.resolve)


@contextmanager
def scorer_on_demand(run: Run) -> Iterator[Callable[[], Scorer]]:
    """Yield a function that opens the scorer when first called; it is closed at the block's end."""
    opened: list[Scorer] = []

    def scorer() -> Scorer:
        if not opened:
            opened.append(open_scorer(settings_of(run), run.resolve))
        return opened[0]

    try:
        yield scorer
    finally:
        for each in opened:
            each.close()
