"""The stage `tasks`: what its table depends on. `write_tasks.py` makes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infogap.recipe.recipe_errors import spell_path
from infogap.recipe.source_columns import TraceColumns
from infogap.recipe.sources import CREDITS, FileTasks, GymTasks, TraceImport
from infogap.rows import reasoning_gym as gym
from infogap.rows.source_digests import contents
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.tasks.mapped_columns import TASK_COLUMNS, column_paths
from infogap.verify.verifiers import provider_versions

_SOURCE_KEYS = set(FileTasks.model_fields) - CREDITS


def part(run: Run) -> dict[str, Any]:
    """Return the sources' settings and digests; of an import only what its tasks depend on."""
    key = "import" if run.recipe.imports else "tasks"
    sources = {
        spell_path((key, index)): _gym_part(source) if isinstance(source, GymTasks) else _table_part(run, source)
        for index, source in _sources(run)
    }
    return sources | {"seed": run.recipe.seed} if _draws(run) else sources


def _sources(run: Run) -> Iterator[tuple[int, FileTasks | GymTasks | TraceImport]]:
    yield from enumerate(run.recipe.import_ or run.recipe.tasks or [])


def _draws(run: Run) -> bool:
    """Whether anything depends on the recipe's seed."""
    return any(
        source.seed is None if isinstance(source, GymTasks) else source.limit is not None for _, source in _sources(run)
    )


def _gym_part(source: GymTasks) -> dict[str, Any]:
    return source.model_dump(mode="json", by_alias=True, exclude=CREDITS) | {"reasoning_gym": gym.library_version()}


def _table_part(run: Run, source: FileTasks | TraceImport) -> dict[str, Any]:
    settings = source.model_dump(mode="json", by_alias=True, include=_SOURCE_KEYS)
    columns = {name: path for name, path in settings["columns"].items() if name in TASK_COLUMNS}
    packages = provider_versions({source.gold_verifier})  # a verifier says which gold answers can be used
    read = {"columns": columns | _of_traces(source)} | contents(run, source)
    return settings | read | ({"verifiers": packages} if packages else {})


def _of_traces(source: FileTasks | TraceImport) -> dict[str, str]:
    """Return the trace columns that tasks depend on: those that `where` may name, and answers inside the question."""
    if not isinstance(source, TraceImport):
        return {}
    paths = column_paths(source.columns, [name for name in TraceColumns.model_fields if name not in TASK_COLUMNS])
    where, question = source.where or "", source.columns.question
    return {name: path for name, path in paths.items() if name in where or path.startswith(question)}


def _make(run: Run) -> Outcome:
    from infogap.tasks.write_tasks import write_tasks

    return write_tasks(run)


STAGE = Stage("tasks", ("tasks",), (), 6, part, _make, sees_derived=False)
