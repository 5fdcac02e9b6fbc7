"""Load and call a verifier that the recipe names `module:function`.

Its module lies beside the recipe or is installed. It is imported only in worker processes, which bound what it does
when it is imported and when it reads a model's text.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import orjson

from infogap.errors import ExternalError, InputError
from infogap.parallel.bounded_processes import Lost, bounded
from infogap.text.stated_answers import MAX_ANSWER
from infogap.user_objects import load_object
from infogap.verify.base import Grade, Item, Verifier, ungradable

IMPORT_LIMIT = 60.0  # seconds
TASK_KEYS = ("task_id", "source", "family", "difficulty", "question", "answer", "metadata")
_ONE = 1 - 1e-9  # a sum of ten tenths is right

Function = Callable[[str, str | None, dict[str, Any]], Any]


@dataclass(frozen=True)
class CustomVerifier(Verifier):
    """Grades by `function(response, answer, task)`, in a worker that finds the modules beside the recipe.

    `response` is the whole response without its thought, `answer` the gold answer, `task` a dict of TASK_KEYS. It
    returns True or False, or a score from 0 to 1, of which 1 is correct; None where the response has no answer; or a
    pair of any of these and the answer that it read. Anything else is `ungradable`, as is what it raises.
    """

    name: str

    needs_gold = False
    whole_response = True

    def grade(self, item: Item) -> Grade:
        task = {key: (item.task or {}).get(key) for key in TASK_KEYS}
        task["metadata"] = orjson.loads(item.metadata or "{}")
        returned = load(self.name)(item.answer if item.response is None else item.response, item.gold, task)
        is_pair = isinstance(returned, tuple) and len(returned) == 2
        value, answer = returned if is_pair else (returned, item.answer or None)
        if answer is not None and not isinstance(answer, str):
            return ungradable(f"the grader's answer is no text but {_shown(answer)}", item.answer)
        answer = answer[:MAX_ANSWER] if answer else None
        if value is None:
            return Grade("no_answer", answer)
        score = _score(value)
        if score is None:
            return ungradable(f"the grader returned {_shown(value)}, not True, False or a score from 0 to 1", answer)
        return Grade("correct" if score == 1 else "wrong", answer, score)

    def check_gold(self, question: str, gold: str) -> None:
        """Accept any gold answer, such as tests of a program: the function itself decides what it can use."""

    def start_worker(self, folder: Path) -> None:
        add_folder(folder)
        load(self.name)


def problem(name: str, folder: Path) -> str | None:
    """Say why a function cannot be called, for want of a module, say; try it in a separate process. None if it can."""
    look = partial(_problem, folder=folder)
    outcomes = bounded(look, [name], limit=IMPORT_LIMIT, deadline=IMPORT_LIMIT, workers=1)
    try:
        (outcome,) = outcomes
    except ExternalError as error:
        return str(error)
    if isinstance(outcome, Lost):
        module = name.partition(":")[0]
        how = "ends the process" if outcome.why == "death" else f"takes more than {IMPORT_LIMIT:g} s"
        return f"importing '{module}' {how}"
    return None if outcome is None else str(outcome)


# In the worker


def add_folder(folder: Path) -> None:
    """Import modules from a folder first, also while the function runs; leave no bytecode in it."""
    sys.dont_write_bytecode = True
    if str(folder) not in sys.path[:1]:
        sys.path.insert(0, str(folder))


@cache
def load(name: str) -> Function:
    """Import the function of a name. Raises InputError if there is none, or it takes other arguments."""
    function = load_object(name, Path(sys.path[0]))
    if not callable(function) or inspect.iscoroutinefunction(function):
        kind = "async" if callable(function) else f"of type {type(function).__name__}"
        raise InputError(f"'{name}' is not a function that can be called: it is {kind}")
    try:
        inspect.signature(function).bind("", "", {})
    except TypeError as error:
        raise InputError(
            f"'{name}' must take three arguments, the response, the gold answer and the task: {error}"
        ) from error
    except ValueError:
        pass  # a built-in without a signature
    return function  # type: ignore[no-any-return]


def _problem(name: str, folder: Path) -> str | None:
    add_folder(folder)
    try:
        load(name)
    except InputError as error:
        return str(error)
    return None


def _score(value: Any) -> float | None:
    """Read a score, NumPy's and torch's numbers included; None if it is not one."""
    if not isinstance(value, bool | int | float) and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, bool | int | float) or not 0 <= value <= 2 - _ONE:  # not so NaN
        return None
    return 1.0 if value >= _ONE else float(value)


def _shown(value: Any) -> str:
    return f"{value!r:.60} ({type(value).__name__})"
