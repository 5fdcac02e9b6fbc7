"""Rows as what they say of a task: the source's columns read, its texts cleaned, its constants filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from infogap.recipe.sources import FileTasks, RowSource, TaskColumns, TraceImport
from infogap.run import Run
from infogap.tasks.answers import gold_answer
from infogap.tasks.columns import MISSING, as_text, missing_column, reach
from infogap.tasks.files import Rows
from infogap.tasks.options import with_options
from infogap.tasks.source import read_rows

NO_QUESTION = "no question"
QUESTION_NOT_TEXT = "the question is not text"
_SAMPLE = 20  # rows kept to say what there is, where a column is not

TASK_COLUMNS = tuple(TaskColumns.model_fields)
TASK_FIELDS = tuple(field for field in TASK_COLUMNS if field != "options")  # options become part of the question
TableSource = FileTasks | TraceImport


@dataclass(frozen=True, slots=True)
class Draft:
    """What a row says of a task, before anybody asks whether that is enough."""

    row: int
    question: str | None
    answer: str | None
    solution: str | None
    family: str | None
    difficulty: str | None
    fault: str | None = None  # why the row cannot be a task


def column_paths(columns: TaskColumns, fields: Iterable[str]) -> dict[str, str]:
    """The mapped ones of the fields, each with its column path."""
    mapped = {field: getattr(columns, field) for field in fields}
    return {field: path for field, path in mapped.items() if path is not None}


def read_fields(run: Run, source: RowSource, paths: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Every row's number and its value (or MISSING) for each field of `paths`.

    Raises UserError, after the last row, for a path that no row has.
    """
    rows = read_rows(run, source, sorted(set(paths.values())))
    yield from _fields(rows, source.from_, paths)


def _fields(rows: Rows, name: str, paths: dict[str, str]) -> Iterator[tuple[int, dict[str, Any]]]:
    never_found = set(paths.values())
    sample: list[dict[str, Any]] = []
    for number, row in rows:
        values = {field: reach(row, path) for field, path in paths.items()}
        if never_found:
            never_found -= {paths[field] for field, value in values.items() if value is not MISSING}
            if len(sample) < _SAMPLE:
                sample.append(row)
        yield number, values
    if sample and never_found:
        raise missing_column(name, min(never_found), sample)


def drafts(run: Run, source: TableSource) -> list[Draft]:
    """A source's rows as drafts, in their order. Equal texts share memory: a trace file repeats its questions."""
    paths = column_paths(source.columns, TASK_COLUMNS)
    shared: dict[str, str] = {}

    def share(text: str | None) -> str | None:
        return None if text is None else shared.setdefault(text, text)

    made = []
    for number, values in read_fields(run, source, paths):
        texts = {field: share(as_text(values.get(field))) for field in TASK_FIELDS}
        made.append(_draft(number, values, texts, source, share))
    return made


def _draft(
    number: int,
    values: dict[str, Any],
    texts: dict[str, str | None],
    source: TableSource,
    share: Callable[[str | None], str | None],
) -> Draft:
    question, answer = texts["question"], texts["answer"]
    fault = None
    if isinstance(values["question"], list | dict):
        fault = QUESTION_NOT_TEXT
    elif question is not None:
        question = share(without_suffixes(question, source.strip_suffix))
    if question is not None and fault is None and values.get("options", MISSING) is not MISSING:
        posed = with_options(question, values["options"])
        question, fault = share(posed.question), posed.fault
        answer = posed.letters.get(answer or "", answer)
    if answer is not None:
        answer = share(gold_answer(question or "", answer, source.verifier))
    difficulty = texts["difficulty"] or as_text(source.difficulty)
    return Draft(number, question, answer, texts["solution"], texts["family"] or source.family, difficulty, fault)


def without_suffixes(question: str, suffixes: list[str]) -> str | None:
    """The question without the texts that end it, as often as one does; None where nothing is left."""
    wanted = [suffix.strip() for suffix in suffixes if suffix.strip()]
    ended = True
    while ended:
        question = question.rstrip()
        ended = False
        for suffix in wanted:
            if question.endswith(suffix):
                question, ended = question.removesuffix(suffix), True
    return question or None
