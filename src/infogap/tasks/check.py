"""What can be known of a recipe's sources before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infogap.errors import UserError
from infogap.recipe import LoadedRecipe, Problem
from infogap.recipe.problems import Path as KeyPath
from infogap.recipe.sources import GymTasks, RowSource
from infogap.recipe.spelling import nearest
from infogap.rows.source import local
from infogap.run import Run
from infogap.tasks import gym
from infogap.tasks.reading import TableSource
from infogap.tasks.select import where_problem


def check_sources(loaded: LoadedRecipe) -> list[Problem]:
    """Every source that is not there or asks for what it cannot give, with its line in the recipe.

    Files are looked for but not read, and nothing is asked of the Hub.
    """
    run = Run.create(loaded)
    key = "import" if loaded.recipe.imports else "tasks"
    found: list[tuple[KeyPath, str]] = []
    for index, source in enumerate(loaded.recipe.import_ or loaded.recipe.tasks or []):
        problems = _gym(source) if isinstance(source, GymTasks) else _table(run, source)
        found += [((key, index, *path), message) for path, message in problems]
    if loaded.recipe.decontaminate is not None:
        for index, against in enumerate(loaded.recipe.decontaminate.against):
            found += [(("decontaminate", "against", index, *path), message) for path, message in _rows(run, against)]
    return [loaded.problem(path, message) for path, message in found]


def _rows(run: Run, source: RowSource) -> Iterator[tuple[KeyPath, str]]:
    path: Path | None = None
    try:
        path = local(run, source)
    except UserError as error:
        yield ("from",), str(error)
    if path is not None and path.is_file():
        for key in ("config", "split", "revision"):
            if getattr(source, key) != type(source).model_fields[key].default:
                yield (key,), f"`{key}` is for datasets, and {source.from_} is a file"


def _table(run: Run, source: TableSource) -> Iterator[tuple[KeyPath, str]]:
    yield from _rows(run, source)
    if source.where is not None:
        problem = where_problem(source.where)
        if problem:
            yield ("where",), f"not a condition over a task's columns: {problem}"


def _gym(source: GymTasks) -> Iterator[tuple[KeyPath, str]]:
    sound = True
    for index, name in enumerate(source.names):
        problem = gym.name_problem(name)
        if problem:
            sound = False
            yield ("names", index), problem
        elif source.level is not None and (problem := gym.level_problem(name, source.level)):
            sound = False
            yield ("level",), problem
    for name, config in source.config.items():
        if name not in source.names:
            yield ("config", name), f"'{name}' is not among this source's names{nearest(name, source.names)}"
        elif not gym.name_problem(name):
            for key, message in gym.config_problems(name, config):
                sound = False
                yield ("config", name, key), message
    if sound:
        for index, name in enumerate(source.names):
            problem = gym.making_problem(source, name)
            if problem:
                yield ("config", name) if name in source.config else ("names", index), problem
