"""The model that scores a run's traces: its name, its identity, and opening it when there is something to score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from infogap.recipe.scorer_section import scorer_settings
from infogap.recipe.teacher_section import AnyTeacher
from infogap.runs.run_folder import Run
from infogap.teachers import model_identity
from infogap.teachers.backends import backend_of, open_scorer
from infogap.teachers.scoring import Scorer


def settings_of(run: Run) -> AnyTeacher:
    """The settings of the recipe's scorer."""
    gap = run.recipe.measure.gap
    assert gap is not None
    return scorer_settings(gap.scorer, run.recipe.teacher)


def scorer_name(run: Run) -> str:
    """What the gaps call the model: the same as traces call a teacher."""
    return model_identity.name_of(settings_of(run), run.resolve)


def scorer_identity(run: Run) -> dict[str, Any]:
    """What a text's score depends on besides the text and its prompt."""
    return model_identity.scorer_identity(settings_of(run), run.resolve)


def check_scorer(run: Run) -> None:
    """Check that the model can score, without loading it.

    Raises InputError where it cannot, such as for want of a file, a package or a server's log-probabilities of prompts;
    ExternalError where no server answers.
    """
    settings = settings_of(run)
    backend_of(settings).check_scorer(settings, run.resolve)


@contextmanager
def scorer_on_demand(run: Run) -> Iterator[Callable[[], Scorer]]:
    """Give a function that opens the scorer at its first call; it is closed at the block's end."""
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
