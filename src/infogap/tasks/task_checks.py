"""Check sources before a run: that they exist, have the mapped columns, and that solutions end in the gold answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.errors import InputError, nearest
from infogap.ids import digest
from infogap.progress import progress
from infogap.recipe import LoadedRecipe, Problem
from infogap.recipe.recipe_errors import Path as KeyPath
from infogap.recipe.sources import GymTasks, RowSource
from infogap.recipe.verifier_names import grades_alone
from infogap.rows import reasoning_gym as gym
from infogap.rows.column_paths import is_template
from infogap.rows.column_templates import template_problem
from infogap.rows.file_locations import find_places, is_url
from infogap.runs.run_folder import Run
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.tasks.field_rows import FieldRows, no_rows
from infogap.tasks.mapped_columns import column_paths
from infogap.tasks.question_column import TableSource
from infogap.tasks.select_tasks import where_problem
from infogap.tasks.task_columns import optional_paths

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
    """Yield what is wrong with the location of the rows. Neither the Hub nor a URL is contacted."""
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
    """Return the recipe's key that a message about a missing column concerns."""
    if message == no_rows(source):
        return ("from",)
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

    Raises InputError where a file is damaged or empty, or no row has a mapped column.
    """
    optional = optional_paths(source)
    paths = column_paths(source.columns, type(source.columns).model_fields)
    rows = FieldRows(run, source, paths, optional, whole=source.where is not None)
    columns: dict[str, None] = {}
    count = 0
    for count, (_, row, _) in enumerate(rows.read(), 1):
        columns.update(dict.fromkeys(map(str, row)))
        if count >= _FEWEST_ROWS and not rows.missed - optional:
            break
    if not count and source.join is None:  # with one, there may be rows without a partner
        raise InputError(no_rows(source))
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


MOST = 2_000  # solutions graded; from more, a sample is drawn
_DOUBTFUL = 0.5  # share of agreeing solutions below which the columns look wrong
_SHOWN = 3


@dataclass(frozen=True)
class SolutionAgreement:
    """Verdicts on the final answers of worked solutions."""

    solutions: int  # of the tasks with a gold answer
    graded: int
    verdicts: dict[str, int]
    wrong: list[dict[str, Any]]  # a few: task_id, answer, and the extracted_answer that the solution ends in

    @property
    def doubtful(self) -> bool:
        """Whether fewer than half of those that state an answer agree."""
        stated = self.verdicts.get("correct", 0) + self.verdicts.get("wrong", 0)
        return self.verdicts.get("correct", 0) < _DOUBTFUL * stated or not stated

    def lines(self) -> list[str]:
        """Return the summary as lines of text."""
        of = f"{self.graded:,} of {self.solutions:,} drawn" if self.graded < self.solutions else f"{self.graded:,}"
        others = {
            "wrong": "end in another answer",
            "no_answer": "state none",
            "truncated": "are truncated",
            "ungradable": "could not be graded",
        }
        counts = [f"{self.verdicts[name]:,} {text}" for name, text in others.items() if self.verdicts.get(name)]
        agree = self.verdicts.get("correct", 0)
        lines = [
            f"worked solutions: {agree:,} of {of} end in the gold answer" + "".join(f"; {text}" for text in counts)
        ]
        lines += [
            f"  task {row['task_id']}: its solution ends in {row['extracted_answer']}, gold is {row['answer']}"
            for row in self.wrong
        ]
        if self.doubtful:
            lines.append("  so few agree that `answer` or `solution` may be mapped to the wrong column")
        return lines

    def as_json(self) -> dict[str, Any]:
        return {"solutions": self.solutions, "graded": self.graded, "verdicts": self.verdicts, "wrong": self.wrong}


def solution_agreement(run: Run) -> SolutionAgreement | None:
    """Grade the worked solutions of a run's tasks as if they were traces; None where no task has one.

    A gold answer that is the whole solution itself says nothing and is left out, as are tasks of a verifier that needs
    a model.
    """
    from infogap.verify.grade_traces import grade_traces
    from infogap.verify.verifiers import gold_verifier

    known = pl.col("solution").is_not_null() & pl.col("answer").is_not_null() & (pl.col("solution") != pl.col("answer"))
    rows = run.scan(TASKS).filter(known).select("task_id", "verifier", "metadata").collect()
    asks = [name for name in rows["verifier"].unique() if not grades_alone(name)]
    # What reads the gold answer of the others is in their metadata.
    rows = rows.with_columns(pl.when(pl.col("verifier").is_in(asks)).then("metadata"))
    kinds = rows.select("verifier", "metadata").unique()
    by_gold = kinds.with_columns(
        gold=pl.Series([gold_verifier(kind) for kind in kinds.iter_rows(named=True)], dtype=pl.String)
    )
    alone = by_gold.filter(pl.Series([grades_alone(name) for name in by_gold["gold"]], dtype=pl.Boolean))
    read = rows.join(alone, on=["verifier", "metadata"], nulls_equal=True).select("task_id", "gold").sort("task_id")
    solved = read["task_id"]
    if not len(solved):
        return None
    chosen = solved
    if len(solved) > MOST:
        drawn_first = sorted(solved, key=lambda task_id: digest([run.recipe.seed, task_id]))
        chosen = pl.Series("task_id", drawn_first[:MOST])
    graded_by = read.filter(pl.col("task_id").is_in(chosen.implode())).lazy()
    drawn = run.scan(TASKS).join(graded_by, on="task_id").with_columns(verifier="gold").sort("task_id").collect()
    traces = TRACES.frame([_as_trace(row) for row in drawn.iter_rows(named=True)])
    tasks = {task["task_id"]: task for task in drawn.drop("solution", "gold").iter_rows(named=True)}
    verdicts = Counter[str]()
    wrong: list[dict[str, Any]] = []
    grades = grade_traces(tasks, [(traces, VERDICTS.empty())], run.base)
    with closing(grades), progress("solutions", drawn.height, "solutions") as advance:
        for grade in grades:
            verdicts[grade["verdict"]] += 1
            if grade["verdict"] == "wrong" and len(wrong) < _SHOWN:
                task_id = grade["trace_id"]
                wrong.append(
                    {
                        "task_id": task_id,
                        "answer": tasks[task_id]["answer"],
                        "extracted_answer": grade["extracted_answer"],
                    }
                )
            advance()
    return SolutionAgreement(len(solved), drawn.height, dict(sorted(verdicts.items())), wrong)


def _as_trace(task: dict[str, Any]) -> dict[str, Any]:
    empty = dict.fromkeys(TRACES.schema)
    return empty | {
        "trace_id": task["task_id"],
        "task_id": task["task_id"],
        "reasoning": "",
        "response": task["solution"],
        "finish_reason": "stop",
    }
