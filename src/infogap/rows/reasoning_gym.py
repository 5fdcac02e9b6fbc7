"""Generate the procedural tasks of reasoning-gym, also to score answers to them; check their settings."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import fields
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from infogap.errors import InputError, nearest
from infogap.ids import canonical
from infogap.recipe.sources import GymTasks

# Why a dataset of reasoning-gym cannot be used. Most of these iterate over sets of text, whose order changes from
# process to process (list_functions uses a generator that ignores the seed): with the same seed and settings, some of
# their questions or answers differ.
_NOT_REPRODUCIBLE = "it makes different tasks in another process, so that no answer could be scored later"
UNUSABLE = {
    "composite": "it only mixes other datasets; name those",
    "codeio": _NOT_REPRODUCIBLE,
    "intermediate_integration": _NOT_REPRODUCIBLE,  # it varies between equal antiderivatives
    "isomorphic_strings": _NOT_REPRODUCIBLE,
    "knight_swap": _NOT_REPRODUCIBLE,
    "list_functions": _NOT_REPRODUCIBLE,
    "polynomial_multiplication": _NOT_REPRODUCIBLE,
    "ransom_note": _NOT_REPRODUCIBLE,
    "word_ladder": _NOT_REPRODUCIBLE,
}


def missing() -> str | None:
    """Say what to install if reasoning-gym is missing; None if it is not."""
    if find_spec("reasoning_gym") is not None:
        return None
    return "procedural tasks need the package reasoning-gym; pip install 'infogap[gym]'"


def library_version() -> str:
    """Return the version of reasoning-gym, on which tasks depend. Raises InputError where it is not installed."""
    if reason := missing():
        raise InputError(reason)
    return version("reasoning-gym")


@lru_cache(maxsize=1)
def factory() -> Any:
    """Import reasoning_gym.factory, without Python's warnings about the code of a dependency."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return import_module("reasoning_gym.factory")


def label(name: str) -> str:
    """Return the source's name in the tables."""
    return f"reasoning_gym/{name}"


def name_problem(name: str) -> str | None:
    """Say why no tasks can be generated from a dataset's name; None if they can."""
    datasets = factory().DATASETS
    if name in UNUSABLE:
        return f"reasoning-gym's '{name}' cannot be used: {UNUSABLE[name]}"
    if name not in datasets:
        return f"reasoning-gym has no dataset '{name}'{nearest(name, datasets.keys() - UNUSABLE.keys())}"
    return None


def problems(source: GymTasks, name: str) -> Iterator[str]:
    """Yield why a dataset of the source cannot be made, from its name and the keys of its settings."""
    problem = name_problem(name)
    if problem is None and source.level is not None:
        problem = level_problem(name, source.level)
    if problem:
        yield problem
    else:
        yield from (message for _, message in config_problems(name, source.config.get(name, {})))


def making_problem(source: GymTasks, name: str) -> str | None:
    """Say why the dataset refuses its settings (valid ones may not fit together); None if it does not."""
    try:
        _dataset(name, 0, source.count, canonical(settings(source, name)))
    except InputError as error:
        return str(error)
    return None


def level_problem(name: str, level: int) -> str | None:
    """Say why a dataset cannot be made at a curriculum level; None if it can."""
    if name not in factory().CURRICULA:
        return f"'{name}' has no curriculum, so no level; leave `level` out, or set its `config`"
    highest = (
        max((len(attribute.levels) for attribute in factory().create_curriculum(name).attributes.values()), default=1)
        - 1
    )
    if level > highest:
        return f"'{name}' has levels 0 to {highest}, found {level}"
    return None


def config_problems(name: str, config: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the keys of a dataset's `config` that it does not take, each with what to write instead."""
    own = {"seed": "the seed is the source's `seed`", "size": "the number of tasks is the source's `count`"}
    allowed = [field.name for field in fields(factory().DATASETS[name][1]) if field.name not in own]
    unknown = [key for key in config if key not in allowed]
    return [
        (key, own.get(key) or f"'{name}' has no '{key}'{nearest(key, allowed)}; allowed: {', '.join(allowed)}")
        for key in unknown
    ]


def settings(source: GymTasks, name: str) -> dict[str, Any]:
    """Return a dataset's settings besides seed and size: the level's, overridden by the recipe's `config`."""
    own = source.config.get(name, {})
    return _level_settings(name, source.level) | own if source.level is not None else own


def _level_settings(name: str, level: int) -> dict[str, Any]:
    curriculum = factory().create_curriculum(name)
    curriculum.set_global_level(level)
    made = curriculum.generate_configuration()
    names = [
        getattr(attribute, kind)
        for attribute in curriculum.attributes.values()
        for kind in ("field_name", "lower_field_name", "upper_field_name")
        if hasattr(attribute, kind)
    ]
    # As metadata stores them, so that the same tasks can be generated again from it.
    return dict(json.loads(json.dumps({name: getattr(made, name) for name in names})))


def entry(made_by: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the dataset and the entry of a task, for `dataset.score_answer(text, entry)`.

    `made_by` is the task's metadata under `gym`. Both are cached. Raises InputError where the dataset cannot be made or
    makes no entry.
    """
    key = (made_by["name"], made_by["seed"], made_by["size"], canonical(made_by["config"]))
    return _dataset(*key), _entry(*key, made_by["index"])


@lru_cache(maxsize=256)
def _dataset(name: str, seed: int, size: int, config: bytes) -> Any:
    with _failures_named(name):
        return factory().create_dataset(name, **json.loads(config), seed=seed, size=size)


@lru_cache(maxsize=4096)  # a task is scored once per trace, and some take a second to make
def _entry(name: str, seed: int, size: int, config: bytes, index: int) -> dict[str, Any]:
    dataset = _dataset(name, seed, size, config)
    with _failures_named(name):
        return dict(dataset[index])


@contextmanager
def _failures_named(name: str) -> Iterator[None]:
    """Turn what a dataset raises into an InputError that names it, and keep what it prints off stdout."""
    try:
        with redirect_stdout(io.StringIO()):
            yield
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"reasoning-gym cannot make '{name}' with these settings: {reason}") from error
