"""What may leave this machine: recipe and labels without local paths, host names and keys' names."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML

from infogap.recipe import Recipe, dump_recipe

# An absolute path, one that starts at home or climbs out of its folder, or a URL that is not the Hub's.
_LOCAL = re.compile(r"^(/|~|[A-Za-z]:[\\/]|\\\\)|(^|/)\.\.(/|$)|^(?!hf://)[a-z][a-z0-9+.-]*://")
_PATHS = ("from", "model", "lexicons")  # the recipe's keys whose values can be paths
_UNPUBLISHED = {
    "teacher": ("base_url", "api_key_env", "concurrency", "timeout", "attempts", "threads"),
    "publish": ("repo", "private"),
}


def public_label(text: str) -> str:
    """A source's or a teacher's name; a local path or a URL is reduced to its last part."""
    if not _LOCAL.search(text):
        return text
    return re.split(r"[/\\]", text.rstrip("/\\"))[-1]


def public_recipe(recipe: Recipe) -> dict[str, Any]:
    """The resolved recipe as it is published.

    Left out are the teacher's servers, its key's variable and its pace, and where the dataset goes: none of
    them changes what is in it. Paths outside the recipe's folder are reduced to file names.
    """
    written: dict[str, Any] = YAML(typ="safe").load(dump_recipe(recipe))
    for section, keys in _UNPUBLISHED.items():
        for key in keys:
            written.get(section, {}).pop(key, None)
    return {key: _reduced(value) for key, value in written.items()}


def _reduced(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {inner: _reduced(item, inner) for inner, item in value.items()}
    if isinstance(value, list):
        return [_reduced(item, key) for item in value]
    return public_label(value) if isinstance(value, str) and key in _PATHS else value
