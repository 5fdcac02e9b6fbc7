"""What a measure is, and how a run's measures are found, called and checked.

infogap's own measures and those of other packages are registered by entry points, in the group `infogap.measures`; a
recipe may also name an object as `module:object`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from infogap import plugins
from infogap.errors import InputError
from infogap.runs.run_folder import Run
from infogap.schema import (
    ANNOTATIONS,
    DUPLICATES,
    GAPS,
    MEASURES,
    MIX,
    STATED_VERDICTS,
    TASKS,
    TRACES,
    VERDICTS,
    Table,
    storable,
)
from infogap.user_objects import check_sources, is_user_object, load_object, source_digest


class Measure(Protocol):
    """A measure of traces.

    `columns` maps the names of its columns to Polars types: String, Int64, Float64, Float32, Boolean, or lists and
    structs of these. Raise `version` when the same traces get other values: they are then measured again.
    """

    @property
    def columns(self) -> Mapping[str, Any]: ...

    @property
    def version(self) -> int | str: ...

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the columns of the measure for some traces, a row per row of `frame`, in its order.

        Called for some hundred traces at a time, in several processes. `frame` has a row per trace, with the columns:

        | column | type | meaning |
        | --- | --- | --- |
        | `trace_id`, `task_id`, `privilege`, `teacher` | String | as in the table `traces` |
        | `question`, `answer` | String | of the task; `answer` is the gold answer; null without one |
        | `context` | String | what the teacher saw besides the question; null without one, or if it is not known |
        | `may_have_seen` | String | of an imported trace whose context is not known, the task's solution |
        | `reasoning`, `response` | String | as in `traces`; null if the request failed |
        | `text` | String | both, joined by a line break, or one of them; empty if the request failed |
        | `finish_reason`, `error` | String | as in `traces`; `error` is null unless the request failed |
        | `completion_tokens` | Int64 | tokens that the teacher wrote; null if not known |
        | `words`, `reasoning_words` | Int64 | of the text, and of its thinking part; a Chinese character is a word |
        | `fork_rate`, `gap`, `gap_per_token`, `surprisal`, `rsr` | Float64 | as in `measures`; null if not recorded |
        | `turns` | String | only if some traces of the run call tools: as in the table `turns`; null for others |
        """
        ...


OWN = ("lengths", "markers", "answer_changes", "forks", "gap", "leaks")
"""infogap's measures, which are computed for every trace."""
_JOINED = (TASKS, TRACES, STATED_VERDICTS, VERDICTS, GAPS, MEASURES, DUPLICATES, MIX, ANNOTATIONS)
# Names that other columns have, in the frames that measures read or in published configs.
_TAKEN = frozenset(("text", "context", "length", "failed", "truncated", "unconditional")).union(
    *(table.schema for table in _JOINED)
)


@dataclass(frozen=True)
class NamedMeasure:
    """A measure that a recipe names. Worker processes load the object by its name, so it need not be picklable."""

    name: str
    folder: Path  # where `module:object` is looked for first
    source: str | None  # digest of the module's files; None for a registered measure
    columns: Mapping[str, Any]
    version: int | str

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that its values depend on besides the traces, for the stage's fingerprint."""
        package = self.source or list(plugins.provider("measures", self.name))
        columns = {name: str(dtype) for name, dtype in self.columns.items()}
        return {"name": self.name, "version": self.version, "from": package, "columns": columns}

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the declared columns. Raises InputError if the object raises, or returns anything else."""
        try:
            result = _object(self.name, self.folder, self.source).measure(frame)
        except Exception as error:  # the user's or another package's code
            raise self._error(f"{type(error).__name__}: {error}") from error
        if not isinstance(result, pl.DataFrame):
            raise self._error(f"must return a polars DataFrame, not {type(result).__name__}")
        if result.height != frame.height:
            raise self._error(f"returned {result.height:,} rows for {frame.height:,} traces")
        if "trace_id" in result.columns and not result["trace_id"].equals(frame["trace_id"]):
            raise self._error("returned the traces in another order")
        if set(result.columns) - {"trace_id"} != set(self.columns):
            returned, declared = ", ".join(result.columns), ", ".join(self.columns)
            raise self._error(f"returned the columns {returned or '(none)'}; it declares {declared}")
        for name, dtype in self.columns.items():
            if dtype == pl.Int64 and result.schema[name].is_float():
                raise self._error(f"returned {result.schema[name]} for the column '{name}'; it declares Int64")
        try:
            return result.select(pl.col(name).cast(dtype) for name, dtype in self.columns.items())
        except pl.exceptions.PolarsError as error:
            raise self._error(f"returned other types than it declares: {str(error).splitlines()[0]}") from error

    def _error(self, message: str) -> InputError:
        return InputError(f"the measure '{self.name}': {message}"[:500])


def own_measures(run: Run) -> list[Measure]:
    """Return infogap's measures for a run. An entry that depends on recipe or ladder is a class with `for_run`."""
    entries = [plugins.load("measures", name) for name in OWN]
    return [entry.for_run(run) if hasattr(entry, "for_run") else entry for entry in entries]


def named_measures(run: Run) -> list[NamedMeasure]:
    """Return the measures that a run's recipe names, in its order.

    Raises InputError if one cannot be loaded or is not a measure, or if two have a column of the same name.
    """
    measures: list[NamedMeasure] = []
    for name in run.recipe.measure.measures or []:
        measure = load_measure(name, run.base)
        for other in measures:
            if both := sorted(set(measure.columns) & set(other.columns)):
                raise InputError(f"the measures '{other.name}' and '{name}' both have the column '{both[0]}'")
        measures.append(measure)
    return measures


def measures_table(run: Run) -> Table:
    """Return the table `measures` with the columns of the measures that the recipe names."""
    return MEASURES.extended({name: dtype for each in named_measures(run) for name, dtype in each.columns.items()})


def load_measure(name: str, folder: Path) -> NamedMeasure:
    """Load a measure by its registered name, or as `module:object`, whose module lies in `folder` or is installed.

    Raises InputError if there is none, if importing it fails, or if it is not a measure.
    """
    if name in OWN:
        raise InputError(f"'{name}' is one of infogap's own measures, which every trace gets; leave it out")
    source = source_digest(name, folder) if is_user_object(name) else None
    if is_user_object(name) and source is None:
        raise InputError(f"there is no module '{name.partition(':')[0]}', neither in {folder} nor installed")
    loaded = _object(name, folder, source)
    missing = [each for each in ("columns", "version", "measure") if not hasattr(loaded, each)]
    if missing or isinstance(loaded, type):
        problem = "it is a class; name an object of it" if isinstance(loaded, type) else f"it has no `{missing[0]}`"
        raise InputError(f"'{name}' is not a measure: {problem}")
    columns = dict(loaded.columns)
    if not columns or not isinstance(loaded.version, int | str):
        problem = f"its `version` is {loaded.version!r}, not a number or a text" if columns else "it has no columns"
        raise InputError(f"the measure '{name}' cannot be used: {problem}")
    for column, dtype in columns.items():
        if column in _TAKEN:
            raise InputError(f"the measure '{name}': the column name '{column}' is taken; choose another")
        if not storable(dtype):
            raise InputError(
                f"the measure '{name}': the column '{column}' has the type {dtype}, which cannot be published; "
                "String, Int64, Float64, Float32, Boolean, and lists and structs of them can"
            )
    return NamedMeasure(name, folder, source, columns, loaded.version)


@cache
def _object(name: str, folder: Path, source: str | None) -> Any:
    if source is None:
        return plugins.load("measures", name)
    check_sources({name: source}, folder)  # in a worker process, perhaps of another machine
    return load_object(name, folder)
