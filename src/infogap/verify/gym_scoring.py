"""Score answers to procedural tasks by the reasoning-gym dataset that made the task.

Some of its scorers pass the answer to Python: `eval`, or sympy's `parse_expr`, which is `eval` behind a translation.
A model's text is never run here: in those modules `eval` is replaced by `ast.literal_eval`, and what would reach
`parse_expr` must be a formula of known functions.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import replace
from importlib import import_module
from typing import Any

import orjson

from infogap.rows import reasoning_gym as gym
from infogap.verify.base import Grade, Item, right_or_wrong, ungradable

# Modules of reasoning_gym whose score_answer calls `eval(answer)`.
EVAL_MODULES = (
    "algorithmic.binary_matrix",
    "algorithmic.spiral_matrix",
    "algorithmic.string_insertion",
    "games.n_queens",
)
# Datasets whose score_answer calls `parse_expr(answer)`.
FORMULA_DATASETS = frozenset(
    {"countdown", "intermediate_integration", "polynomial_multiplication", "puzzle24", "simple_integration"}
)
_FUNCTION = re.compile(
    r"a?(sin|cos|tan|sec|csc|cot)h?|exp|log|ln|sqrt|cbrt|[Aa]bs|sign|pi|erfi?|Rational"
    r"|[A-Za-z]_?\d*"  # variables and constants
)
_FORMULA = re.compile(r"[\w\s+\-*/^().,]*")
_NAME = re.compile(r"[^\W\d]\w*")


def grade(item: Item) -> Grade:
    """Grade an item `correct` where the dataset scores the answer 1; the score itself is kept."""
    try:
        made_by = orjson.loads(item.metadata or "{}")["gym"]
        dataset, entry = gym.entry(made_by)
    except Exception as error:
        return ungradable(f"the task cannot be made again: {error}", item.answer)
    if entry["question"] != item.question:
        return ungradable("reasoning-gym gives another question: another version made the task", item.answer)
    if made_by["name"] in FORMULA_DATASETS and (reason := _no_formula(item.answer)):
        return right_or_wrong(False, item, reason)
    return _scored(item, dataset, entry)


def _scored(item: Item, dataset: Any, entry: dict[str, Any]) -> Grade:
    if item.answer.strip() == str(entry["answer"]).strip() and entry["answer"] is not None:
        # Some scorers deny even that: game_of_life_halting, where it is False.
        return right_or_wrong(True, item)
    try:
        score = _score(dataset, entry, item.answer)
    except (MemoryError, RecursionError) as error:
        return ungradable(f"scoring took too much memory ({type(error).__name__})", item.answer)
    except Exception as error:  # scorers that convert the answer unchecked: it has not the task's form
        return right_or_wrong(False, item, f"the scorer cannot read the answer ({type(error).__name__}: {error})"[:200])
    if score == 1.0 and _scores_anything(dataset, entry):
        return right_or_wrong(False, item, "the scorer takes any text for right; this is not the gold answer")
    return replace(right_or_wrong(score == 1.0, item), score=score)


def _score(dataset: Any, entry: dict[str, Any], answer: str) -> float:
    score = float(dataset.score_answer(answer, entry))
    return 0.0 if math.isnan(score) else min(max(score, 0.0), 1.0)


def _scores_anything(dataset: Any, entry: dict[str, Any]) -> bool:
    """Whether a meaningless text scores 1: some scorers read any text but True as False."""
    try:
        return _score(dataset, entry, "?") == 1.0
    except Exception:  # a scorer that cannot read "?" does not take it for right
        return False


def _forbid_eval() -> None:
    """Replace `eval` in those modules by `ast.literal_eval`: lists are still read, calls are refused."""
    gym.factory()  # which imports them all
    for name in EVAL_MODULES:
        vars(import_module(f"reasoning_gym.{name}"))["eval"] = ast.literal_eval


def _no_formula(answer: str) -> str | None:
    """Say why a text is not a formula that may be parsed; None where it is."""
    if not _FORMULA.fullmatch(answer) or re.search(r"\.\s*[^\W\d]|__", answer):
        return "the answer is not a formula"
    unknown = [name for name in _NAME.findall(answer) if not _FUNCTION.fullmatch(name)]
    return f"the answer is not a formula of known functions: {unknown[0][:40]!r}" if unknown else None


# At import, before any answer's time runs: importing reasoning-gym can take longer than an answer may.
_forbid_eval()
