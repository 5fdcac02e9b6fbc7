"""Build reasoning-distillation datasets in which the information gap between teacher and student is controlled.

`Run` builds a dataset from a recipe, `sweep` one from each recipe of a grid. The other functions work on texts of your
own:

    count_markers   epistemic markers in texts
    find_leaks      places where a trace shows what only its teacher saw
    grade           verdicts on final answers
    deduplicate     near-duplicates among texts
    render          the prompt that a teacher reads under a privilege

Each is imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infogap.api.count_markers import count_markers
    from infogap.api.deduplicate import Deduplicated, deduplicate
    from infogap.api.find_leaks import find_leaks
    from infogap.api.grade_answers import grade
    from infogap.api.render import render
    from infogap.api.run import Run
    from infogap.api.sweep import sweep
    from infogap.errors import ExternalError, InfogapError, InputError, ShortfallError, StoppedError
    from infogap.recipe import RecipeError
    from infogap.runs.pipeline import StageUpdate
    from infogap.runs.staleness import StageState
    from infogap.verify.base import Grade

__version__ = "0.1.0"

__all__ = [
    "Deduplicated",
    "ExternalError",
    "Grade",
    "InfogapError",
    "InputError",
    "RecipeError",
    "Run",
    "ShortfallError",
    "StageState",
    "StageUpdate",
    "StoppedError",
    "__version__",
    "count_markers",
    "deduplicate",
    "find_leaks",
    "grade",
    "render",
    "sweep",
]

_MODULES = {
    "Deduplicated": "infogap.api.deduplicate",
    "ExternalError": "infogap.errors",
    "Grade": "infogap.verify.base",
    "InfogapError": "infogap.errors",
    "InputError": "infogap.errors",
    "RecipeError": "infogap.recipe",
    "Run": "infogap.api.run",
    "ShortfallError": "infogap.errors",
    "StageState": "infogap.runs.staleness",
    "StageUpdate": "infogap.runs.pipeline",
    "StoppedError": "infogap.errors",
    "count_markers": "infogap.api.count_markers",
    "deduplicate": "infogap.api.deduplicate",
    "find_leaks": "infogap.api.find_leaks",
    "grade": "infogap.api.grade_answers",
    "render": "infogap.api.render",
    "sweep": "infogap.api.sweep",
}


if not TYPE_CHECKING:  # type checkers see only the names above

    def __getattr__(name: str) -> object:
        """Import a public name on first use."""
        if name not in _MODULES:
            raise AttributeError(f"module 'infogap' has no attribute {name!r}")
        value = getattr(import_module(_MODULES[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
