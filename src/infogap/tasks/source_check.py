"""Check a recipe's sources before anything is made: whether they exist, and have what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator

from infogap.errors import InputError
from infogap.recipe import LoadedRecipe, Problem
from infogap.recipe.recipe_errors import Path as KeyPath
from infogap.recipe.sources import GymTasks, RowSource
from infogap.rows import reasoning_gym as gym
from infogap.rows.column_templates import is_template, template_problem
from infogap.rows.file_locations import find_places, is_url
from infogap.runs.run_folder import Run
from infogap.spelling import nearest
from infogap.tasks.question_column import TableSource
from infogap.tasks.select_tasks import where_problem
from infogap.tasks.task_columns import FieldRows, column_paths, optional_paths

_FEWEST_ROWS = 20  # read for the columns that `where` may name


def check_sources(loaded: LoadedRecipe) -> list[Problem]:
    """Return what is wrong with the sources, each with its line in the recipe.

    Local files are read until every mapped column has occurred; the Hub is not contacted.
    """
    run = Run.create(loaded)
    key = "import" if loaded.recipe.imports else "tasks"
    problems: list[tuple[KeyPath, str]] = []
    for index, source in enumerate(loaded.recipe.import_ or loaded.recipe.tasks or []):
        of_source = _gym(source) if isinstance(source, GymTasks) else _table(run, source)
        problems += [((key, index, *path), message) for path, message in of_source]
    if loaded.recipe.decontaminate is not None:
        for index, against in enumerate(loaded.recipe.decontaminate.against):
            problems += [(("decontaminate", "against", index, *path), message) for path, message in _rows(run, against)]
    return [loaded.problem(path, message) for path, message in problems]


def _rows(run: Run, source: RowSource) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with where the rows are. Neither the Hub nor a URL is contacted."""
    if any(is_url(entry) for entry in source.files):
        return
    try:
        places = find_places(run.base, source)
    except InputError as error:
        yield ("from",), str(error)
        return
    for key in ("config", "split", "revision") if places is not None else ("rows",):
        if getattr(source, key) != type(source).model_fields[key].default:
            kind = f"datasets, and {source.from_} is a file" if places is not None else "JSON files, not for datasets"
            yield (key,), f"`{key}` is for {kind}"


def _table(run: Run, source: TableSource) -> Iterator[tuple[KeyPath, str]]:
    problems = [*_rows(run, source)]
    if source.join is not None:
        problems += [(("join", *path), message) for path, message in _rows(run, source.join)]
    for name, column in column_paths(source.columns, type(source.columns).model_fields).items():
        problem = template_problem(column) if is_template(column) else None
        if problem:
            problems.append((("columns", name), problem))
    columns = None
    if not problems and _is_here(run, source):
        try:
            columns = _look(run, source)
        except InputError as error:
            problems.append((_blamed(source, str(error)), str(error)))
    yield from problems
    if source.where is not None:
        problem = where_problem(source.where, columns)
        if problem:
            yield ("where",), f"not a condition over a task's columns: {problem}"


def _blamed(source: TableSource, message: str) -> KeyPath:
    """The key of the recipe that a message on a missing column is about."""
    if source.join is not None and message.startswith(f"{source.join.from_}: no row has '{source.join.other_key}'"):
        return ("join", "on")
    paths = column_paths(source.columns, type(source.columns).model_fields)
    name = next((name for name, path in paths.items() if f": no row has '{path}'" in message), None)
    return ("columns",) if name is None else ("columns", name)


def _is_here(run: Run, source: TableSource) -> bool:
    """Whether a source's rows can be read without the network."""
    parts: list[RowSource] = [source] if source.join is None else [source, source.join]
    if any(is_url(entry) for part in parts for entry in part.files):
        return False
    return all(find_places(run.base, part) is not None for part in parts)


def _look(run: Run, source: TableSource) -> list[str]:
    """Return the columns of a source's first rows; rows are read until each mapped column has occurred.

    Raises InputError where a file is damaged, or no row has a mapped column.
    """
    optional = optional_paths(source)
    paths = column_paths(source.columns, type(source.columns).model_fields)
    rows = FieldRows(run, source, paths, optional, whole=source.where is not None)
    columns: dict[str, None] = {}
    for count, (_, row, _) in enumerate(rows.read(), 1):
        columns.update(dict.fromkeys(map(str, row)))
        if count >= _FEWEST_ROWS and not rows.missed - optional:
            break
    return list(columns)


def _gym(source: GymTasks) -> Iterator[tuple[KeyPath, str]]:
    if reason := gym.missing():
        yield ("from",), reason
        return
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
