"""Recognise which named mappings a file fits; guess its columns where it fits none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from infogap.errors import InputError
from infogap.recipe.named_formats import Format, Signs, format_names, load_format
from infogap.recipe.sources import RowSource
from infogap.recipe.verifier_names import DEFAULT_VERIFIER
from infogap.rows.column_paths import MISSING, as_text, reach, value_of
from infogap.rows.file_locations import find_places
from infogap.rows.options_column import NumberedOptions, with_options
from infogap.rows.row_files import lists_of_rows
from infogap.rows.source_rows import read_rows
from infogap.text.option_parser import named_option, options
from infogap.text.thoughts import is_switch

_ROWS = 20  # read to recognise a format
# The usual names of columns, the most telling first.
_NAMES = {
    "question": "question problem prompt messages conversations instruction query q task_prompt input",
    "answer": "answer gold_answer gold ground_truth expected_answer correct_answer reference_answer "
    "final_answer target answerkey correct_option correct_choice label a",
    "solution": "solution worked_solution reference_solution rationale explanation",
    "family": "family subject topic category domain problem_type",
    "difficulty": "difficulty level",
    "trace": "trace traces generation generations generated_responses completion completions response responses "
    "model_output model_outputs output outputs prediction samples chosen",
    "teacher": "teacher model model_name generator",
    "privilege": "privilege condition",
    "context": "context privileged_context",
    "finish_reason": "finish_reason finish_reasons stop_reason",
    "completion_tokens": "completion_tokens output_tokens num_tokens",
    "options": "options choices",
    "tools": "tools",
    "stated_verdict": "is_correct correct correctness score reward verdict passed",
}
_FEWEST_QUESTIONS = 5  # different ones: fewer may end alike by chance
_SHORTEST_ENDING = 20  # characters
_ENDING_START = re.compile(r"(?:(?<=[.?!)])\s+|\n\s*)(?=[A-Z])")  # of a sentence or a line
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "thought")


@dataclass(frozen=True)
class Recognised:
    """A named mapping that a file fits; `signs` counts the signs that it has."""

    name: str
    format: Format
    signs: int


def recognise(file: str, base: Path) -> list[Recognised]:
    """Return the named mappings that a file fits, the one with most signs first.

    Raises InputError where the file cannot be read.
    """
    read: dict[str | None, list[dict[str, Any]]] = {}
    fits = []
    for name in format_names():
        form = load_format(name)
        rows = form.mapping.get("rows")
        if rows not in read:
            read[rows] = first_rows(file, base, rows)
        if read[rows] and _has(form.signs, read[rows], file):
            signs = form.signs
            count = len(signs.columns) + 2 * len(signs.values) + (2 if signs.file else 0)
            fits.append(Recognised(name, form, count))
    return sorted(fits, key=lambda one: (-one.signs, one.name))


def first_rows(file: str, base: Path, rows: str | None) -> list[dict[str, Any]]:
    """Read some rows; none where the file has no such list of rows, or is an object."""
    source = RowSource.model_validate({"from": file, "rows": rows})
    if find_places(base, source) is None:
        return [row for _, row in islice(read_rows(base, source, None), _ROWS)] if rows is None else []
    try:
        return [row for _, row in islice(read_rows(base, source, None), _ROWS)]
    except InputError:
        if rows is None and not lists_of_rows_in(file, base):
            raise
        return []


def lists_of_rows_in(file: str, base: Path) -> list[str]:
    """Return the lists of objects in a JSON file that is an object, longest first; none in other files."""
    places = find_places(base, RowSource.model_validate({"from": file})) or []
    return lists_of_rows(places[0]) if len(places) == 1 and places[0].kind == ".json" else []


def _has(signs: Signs, rows: list[dict[str, Any]], file: str) -> bool:
    if signs.file is not None and not fnmatch(PurePath(file).name.lower(), signs.file):
        return False
    if not all(any(reach(row, path) is not MISSING for row in rows) for path in signs.columns):
        return False
    values = {path: [as_text(reach(row, path)) for row in rows] for path in signs.values}
    return all(_all_match(pattern, values[path]) for path, pattern in signs.values.items())


def _all_match(pattern: str, values: list[str | None]) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(re.search(pattern, value) for value in known)


def by_their_names(by_name: dict[str, str]) -> dict[str, str]:
    """Guess the column of each field from the columns' names, which are given in lower case."""
    mapped: dict[str, str] = {}
    for field, names in _NAMES.items():
        column = next((by_name[name] for name in names.split() if name in by_name), None)
        if column is not None and column not in mapped.values():
            mapped[field] = column
    if "options" not in mapped and all(letter in by_name for letter in "abcd"):
        letters = [by_name[letter] for letter in "abcdefghij" if letter in by_name]
        mapped["options"] = f"{{{{ [{', '.join(letters)}] | tojson }}}}"
    return mapped


def fit_options(file: str, mapped: dict[str, str], sample: list[dict[str, Any]]) -> str:
    """Return the verifier that the gold answers call for, and fit the column mapping to it.

    Options are kept in `mapped` if the answers name them; an answer that counts them becomes a letter.

    Raises InputError if the answers count the options and may count from 0 or from 1.
    """
    golds = [as_text(reach(row, mapped["answer"])) for row in sample] if "answer" in mapped else []
    if "options" not in mapped:
        return "choice" if _all_match(r"^\(?[A-J]\)?$", golds) else DEFAULT_VERIFIER
    numbers, named = NumberedOptions(), 0
    for row, gold in zip(sample, golds or [None] * len(sample), strict=True):
        column = value_of(row, mapped["options"])
        posed = with_options("?", column)
        if posed.fault:
            continue
        numbers.look_at(column, gold, posed.question)
        letter = posed.letters.get(gold or "", gold or "")
        named += gold is None or named_option(letter, options(posed.question)) is not None
    if numbers.count_the_options and len(numbers.numbers) == sum(gold is not None for gold in golds):
        if 0 not in numbers.numbers and numbers.most not in numbers.numbers:
            raise InputError(f"{file}: {numbers.advice(mapped['answer'])}")
        less = "" if 0 in numbers.numbers else " - 1"
        mapped["answer"] = f'{{{{ "ABCDEFGHIJ"[{mapped["answer"]} | int{less}] }}}}'
        return "choice"
    if named == len(sample):
        return "choice"
    del mapped["options"]
    return DEFAULT_VERIFIER


def guessed(file: str, base: Path) -> tuple[str | None, dict[str, str], str]:
    """Guess a mapping: the list of rows (if it has to be named), the columns by their names, and a verifier.

    Raises InputError where the file cannot be read or has nothing that looks like a question.
    """
    lists = lists_of_rows_in(file, base)
    rows = lists[0] if lists else None
    sample = first_rows(file, base, rows)
    columns = list(dict.fromkeys(str(key) for row in sample for key in row))
    by_name = {column.lower(): column for column in reversed(columns)}
    mapped = by_their_names(by_name)
    if "question" not in mapped:
        raise InputError(
            f"{file}: none of its columns looks like a question; write the recipe by hand (infogap init): "
            f"it has {', '.join(columns) or 'no columns'}"
        )
    verifier = fit_options(file, mapped, sample)
    thoughts = (by_name[name] for name in _THOUGHTS if name in by_name)
    thought = next((column for column in thoughts if not _are_switches(row.get(column) for row in sample)), None)
    text = mapped.pop("trace", None) or by_name.get("content")
    if thought is not None and text is not None:
        return rows, mapped | {"reasoning": thought, "response": text}, verifier
    if mapped["question"] in ("messages", "conversations") and text is None:
        text = mapped["question"]
    return rows, mapped | ({"trace": text} if text is not None else {}), verifier


def _are_switches(values: Iterable[Any]) -> bool:
    """Whether a column says whether a model was to think, and not what it thought."""
    known = [str(value) for value in values if value is not None]
    return bool(known) and all(map(is_switch, known))


def common_ending(questions: Sequence[str]) -> str | None:
    """Return the sentences or lines with which all questions end; None if there are none, or few questions."""
    backwards = {question.rstrip()[::-1] for question in questions}
    if len(backwards) < _FEWEST_QUESTIONS:
        return None
    first, last = min(backwards), max(backwards)
    shared = next((place for place, letter in enumerate(first) if last[place : place + 1] != letter), len(first))
    ending = first[:shared][::-1]
    beginning = _ENDING_START.search(ending)
    text = ending[beginning.end() :] if beginning else ""
    return text if len(text) >= _SHORTEST_ENDING else None
