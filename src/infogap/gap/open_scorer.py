"""The model that scores a run's traces, opened when there is something to score."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from infogap.errors import UserError
from infogap.recipe.scorer_section import scorer_settings
from infogap.recipe.teacher_section import OpenAITeacher, Teacher, VllmSettings
from infogap.runs.run_folder import Run
from infogap.teachers.factory import open_scorer
from infogap.teachers.model_identity import identity_of
from infogap.teachers.scoring import Scorer
from infogap.teachers.teacher_names import name_of


def settings_of(run: Run) -> Teacher:
    """The settings of the model that the recipe has score."""
    gap = run.recipe.measure.gap
    assert gap is not None
    return scorer_settings(gap.scorer, run.recipe.teacher)


def scorer_name(run: Run) -> str:
    """What the gaps call the model: as traces call a teacher."""
    return name_of(settings_of(run), run.resolve)


def scorer_identity(run: Run) -> dict[str, Any]:
    """What a text's score depends on besides the text and its prompt."""
    settings = settings_of(run)
    shaping = {
        name: value
        for name, value in settings.answer_settings.items()
        if name in ("engine", "chat_template_kwargs", "extra_body") and value
    }
    backend = "vllm" if isinstance(settings, VllmSettings) else settings.backend
    return {"backend": backend, "model": settings.model, **shaping, **identity_of(settings, run.resolve)}


def check_scorer(run: Run) -> None:
    """Raises UserError where the model cannot score: the file is not there, or a server gives no log-probabilities of
    prompts; WorldError where no server answers. Loads no model."""
    settings = settings_of(run)
    name_of(settings, run.resolve)
    needed = {"embedded": "xllamacpp", "vllm": "vllm", "ray": "vllm"}.get(settings.backend)
    if needed is not None and find_spec(needed) is None:
        extra = "embedded" if settings.backend == "embedded" else "vllm"
        raise UserError(f"measure.gap: scoring needs {needed}; pip install 'infogap[{extra}]'")
    if isinstance(settings, OpenAITeacher):
        from infogap.teachers.openai.openai_scoring import OpenAIScorer

        OpenAIScorer(settings).check()


@contextmanager
def scorer_on_demand(run: Run) -> Iterator[Callable[[], Scorer]]:
    """Gives a function that opens the scorer at its first call; it is closed at the block's end."""
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
