"""Redact what is published: remove local paths, host names and names of key variables from recipes and labels."""

from __future__ import annotations

import re
from typing import Any

from infogap.recipe import Recipe, as_written
from infogap.recipe.measure_section import scorer_settings
from infogap.recipe.teacher_section import AnyTeacher
from infogap.teachers.base import backend_of

# An absolute path, a path that starts at home or leaves its folder, or a URL other than the Hub's.
_LOCAL = re.compile(r"^(/|~|[A-Za-z]:[\\/]|\\\\)|(^|/)\.\.(/|$)|^(?!hf://)[a-z][a-z0-9+.-]*://")
_PATHS = ("from", "model", "lexicons", "teacher", "scorer", "tokenizer")  # recipe keys whose values can be paths
_UNPUBLISHED = ("repo", "private")  # keys of `publish`


def public_label(text: str) -> str:
    """Return the published name of a source or teacher; local paths and URLs are reduced to their last part."""
    return ", ".join(_last_part(one) if _LOCAL.search(one) else one for one in text.split(", "))


def _last_part(text: str) -> str:
    if "://" in text:
        text = re.split(r"[?#]", text)[0]  # a query can contain a key
    return re.split(r"[/\\]", text.rstrip("/\\"))[-1]


def public_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the resolved recipe in its published form.

    The dataset's destination is left out, and so are the settings that the backend of a teacher or scorer does not
    publish: servers, the key's variable, price and speed. None of them changes the content of the dataset. Paths
    outside the recipe's folder are reduced to file names.
    """
    written = as_written(recipe)
    for key in _UNPUBLISHED:
        written["publish"].pop(key, None)
    if recipe.teacher is not None:
        written["teacher"] = _public_teacher(recipe.teacher, written["teacher"])
    if recipe.teachers is not None:
        written["teachers"] = {
            name: _public_teacher(settings, written["teachers"][name]) for name, settings in recipe.teachers.items()
        }
    gap = recipe.measure.gap
    if gap is not None and not isinstance(gap.scorer, str):
        scorer = _public_teacher(scorer_settings(gap.scorer, recipe.teacher), written["measure"]["gap"]["scorer"])
        written["measure"]["gap"]["scorer"] = scorer
    if recipe.verify is not None and recipe.verify.judge is not None:
        of_judge = written["verify"]["judge"]
        of_judge["by"] = _public_teacher(recipe.verify.judge.by, of_judge["by"])
    return {key: _reduced(value) for key, value in written.items()}


def _public_teacher(settings: AnyTeacher, written: dict[str, Any]) -> dict[str, Any]:
    backend = backend_of(settings)
    public = backend.public(settings, written)
    return public | {key: _labels(public.get(key)) for key in backend.path_keys}


def _labels(value: Any) -> Any:
    """Reduce every path in a nested value, whatever its key."""
    if isinstance(value, dict):
        return {key: _labels(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_labels(item) for item in value]
    return public_label(value) if isinstance(value, str) else value


def _reduced(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {inner: _reduced(item, inner) for inner, item in value.items()}
    if isinstance(value, list):
        return [_reduced(item, key) for item in value]
    return public_label(value) if isinstance(value, str) and key in _PATHS else value
