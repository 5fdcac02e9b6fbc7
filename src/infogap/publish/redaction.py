"""Redact what is published: recipe and labels without local paths, host names and names of keys."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML

from infogap.recipe import Recipe, dump_recipe
from infogap.recipe.teacher_section import VllmSettings

# An absolute path, one that starts at home or climbs out of its folder, or a URL that is not the Hub's.
_LOCAL = re.compile(r"^(/|~|[A-Za-z]:[\\/]|\\\\)|(^|/)\.\.(/|$)|^(?!hf://)[a-z][a-z0-9+.-]*://")
_PATHS = ("from", "model", "lexicons")  # the recipe's keys whose values can be paths
# Keys of a request's body that shape the answer. The values of others are not published: they can name people, servers.
_SHAPING = re.compile(
    r"chat_template(_kwargs)?|(enable_)?thinking|(thinking|reasoning)_\w*budget|(include_|separate_)?reasoning"
    r"|reasoning_(effort|format)|verbosity|temperature|(top|min|typical)_[akp]|\w+_penalty|(dry|xtc|mirostat)_\w+|mirostat"
    r"|(max|min)_\w*tokens|stop\w*|ignore_eos|seed|logit_bias|bad_words|response_format|structured_outputs|guided_\w+"
)
_HIDDEN = "(not published)"
_UNPUBLISHED = {
    "teacher": (
        *("base_url", "api_key_env", "concurrency", "timeout", "attempts", "threads", "price"),
        *("address", "replicas", "gpus_per_replica"),
    ),
    "publish": ("repo", "private"),
}


def public_label(text: str) -> str:
    """Return a source's or a teacher's name; local paths and URLs are reduced to their last part."""
    return ", ".join(_last_part(one) if _LOCAL.search(one) else one for one in text.split(", "))


def _last_part(text: str) -> str:
    if "://" in text:
        text = re.split(r"[?#]", text)[0]  # a query can hold a key
    return re.split(r"[/\\]", text.rstrip("/\\"))[-1]


def public_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the resolved recipe as it is published.

    Left out is what does not change the data: the teacher's servers, key variable, price and concurrency, engine
    arguments on where and how fast vLLM runs, and the repository. Paths outside of the recipe's folder are reduced to
    file names. Of `extra_body`, keys that shape the answer keep their values; others (`user`, `metadata`) keep their
    names alone.
    """
    written: dict[str, Any] = YAML(typ="safe").load(dump_recipe(recipe))
    for section, keys in _UNPUBLISHED.items():
        for key in keys:
            written.get(section, {}).pop(key, None)
    if body := written.get("teacher", {}).get("extra_body"):
        written["teacher"]["extra_body"] = {
            key: value if _SHAPING.fullmatch(key) else _HIDDEN for key, value in body.items()
        }
    if isinstance(recipe.teacher, VllmSettings):
        written["teacher"]["engine"] = _engine(recipe.teacher.answer_settings["engine"])
    return {key: _reduced(value) for key, value in written.items()}


def _engine(value: Any) -> Any:
    """Redact engine arguments that shape answers: their values can hold paths under any key."""
    if isinstance(value, dict):
        return {key: _engine(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_engine(item) for item in value]
    return public_label(value) if isinstance(value, str) else value


def _reduced(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {inner: _reduced(item, inner) for inner, item in value.items()}
    if isinstance(value, list):
        return [_reduced(item, key) for item in value]
    return public_label(value) if isinstance(value, str) and key in _PATHS else value
