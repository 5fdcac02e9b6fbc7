"""Read a source's rows as drafts of tasks: mapped columns, cleaned texts, constants filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from infogap.errors import InputError
from infogap.recipe.named_formats import load_format
from infogap.recipe.source_columns import TaskColumns, TraceColumns
from infogap.recipe.sources import TraceImport
from infogap.rows.column_paths import (
    MISSING,
    as_text,
)
from infogap.rows.format_recognition import common_ending
from infogap.rows.options_column import NumberedOptions, with_options
from infogap.rows.source_rows import read_rows, unmatched_reason
from infogap.runs.run_folder import Run
from infogap.tasks.field_rows import FieldRows
from infogap.tasks.known_drafts import BlockDrafts, Draft, KnownDrafts, known_drafts
from infogap.tasks.mapped_columns import TASK_COLUMNS, column_paths
from infogap.tasks.question_column import TableSource, list_of_turns, question_in, takes_one_turn_of_several
from infogap.text.bounded_search import BoundedSearch
from infogap.text.option_parser import options
from infogap.verify.verifiers import verifier

ANSWER = str(TaskColumns.model_fields["answer"].default)
"""The column of gold answers where a recipe names none; imported traces may lack it."""

_GOLD_NAMES = re.compile(
    r"(gold|ground_?truth|target|expected|correct|final|reference)(_?(answer|label|solution))?|gts?|label",
    re.IGNORECASE,
)
_NAMES = re.compile(r'"([^"]+)"|`([^`]+)`|([A-Za-z_]\w*)')  # in an SQL condition


@dataclass(frozen=True)
class Drafts:
    """A source's rows as drafts, in their order, and notes on how they were read."""

    rows: list[Draft]
    columns: list[str]  # of the file's own, in the rows that were read
    notes: list[str]


def optional_paths(source: TableSource) -> frozenset[str]:
    """Return column paths that may be missing: imported traces need no gold answers if the recipe names no column.

    Nor need tests of programs have an entry point.
    """
    imported = isinstance(source, TraceImport) and source.columns.answer == ANSWER
    entry_point = source.columns.entry_point  # which no row has where all programs read standard input
    return frozenset([*([ANSWER] if imported else []), *([entry_point] if entry_point else [])])


def drafts(run: Run, source: TableSource) -> Drafts:
    """Read a source's rows as drafts, in their order; those of blocks that were read before are reused.

    Raises InputError where a column does not exist, or `pattern` takes too long on too many questions.
    """
    with known_drafts(run, source) as known:
        if source.pattern is None:
            return _drafts(run, source, None, known)
        with closing(BoundedSearch(source.pattern)) as search:
            return _drafts(run, source, search, known)


def _drafts(run: Run, source: TableSource, search: BoundedSearch | None, known: KnownDrafts | None) -> Drafts:
    """Read the drafts. Equal texts share memory: trace files repeat questions."""
    named = _named_in(source.where) if source.where is not None else set()
    wanted = [*TASK_COLUMNS, *(name for name in TraceColumns.model_fields if name in named)]
    paths = column_paths(source.columns, [name for name in wanted if hasattr(source.columns, name)])
    rows = FieldRows(run, source, paths, optional_paths(source), whole=bool(named))
    shared: dict[str, str] = {}

    def share(text: str | None) -> str | None:
        return None if text is None else shared.setdefault(text, text)

    made: list[Draft] = []
    columns: dict[str, None] = {}
    one_of_several = 0
    alternatives = load_format(source.format).alternatives if source.format is not None else None
    numbers = NumberedOptions()
    for block in rows.blocks():
        before = known.get(block, share) if known is not None else None
        if before is not None:
            rows.skip(before.found)
            made += before.drafts
            one_of_several += before.one_of_several
            continue
        found: set[str] = set()
        start, several = len(made), 0
        for number, row, values in rows.values_of(block.rows(), found):
            columns.update(dict.fromkeys(map(str, row)))
            others = {str(key): value for key, value in row.items() if key in named and key not in TASK_COLUMNS}
            others |= {name: as_text(values[name]) for name in paths if name not in TASK_COLUMNS}
            draft = _draft(number, values, others, source, share, search)
            if alternatives is not None:
                draft = replace(draft, alternative=as_text(row.get(alternatives)))
            numbers.look_at(values.get("options", MISSING), as_text(values.get("answer")), draft.question)
            made.append(draft)
            several += takes_one_turn_of_several(row, source.columns.question)
        one_of_several += several
        if known is not None:
            known.put(block, BlockDrafts(made[start:], found, several))
    unmatched = rows.joined.unmatched if rows.joined is not None else set[int]()
    if unmatched and source.join is not None:
        reason = unmatched_reason(source.join)
        made = [_without(draft, reason) if draft.row in unmatched else draft for draft in made]
    if ANSWER in rows.missed & rows.optional:
        _refuse_other_gold(run, source)
    if source.verifier == "choice" and numbers.count_the_options:
        raise InputError(f"{source.from_}: {numbers.advice(str(source.columns.answer))}")
    notes = _notes(source, rows, one_of_several)
    return Drafts(made, list(columns), [*notes, *_question_notes(source, [draft.question or "" for draft in made])])


def _draft(
    number: int,
    values: dict[str, Any],
    others: dict[str, Any],
    source: TableSource,
    share: Callable[[str | None], str | None],
    search: BoundedSearch | None,
) -> Draft:
    question = question_in(values["question"], source, search)
    text, fault, answer = question.text, question.fault, as_text(values.get("answer"))
    if text is not None and fault is None and values.get("options", MISSING) is not MISSING:
        posed = with_options(text, values["options"])
        text, fault = posed.question, posed.fault
        answer = posed.letters.get(answer or "", answer)
    if answer is not None:
        grader = verifier(source.gold_verifier)
        answer = grader.gold_answer(text or "", answer)
        if grader.gold_columns:
            answer = grader.gold_with(answer, {name: as_text(values.get(name)) for name in grader.gold_columns})
    return Draft(
        number,
        share(text),
        share(answer),
        share(as_text(values.get("solution"))),
        share(as_text(values.get("family"))) or source.family,
        share(as_text(values.get("difficulty"))) or as_text(source.difficulty),
        fault,
        question.turns,
        others or None,
    )


def _without(draft: Draft, reason: str) -> Draft:
    return Draft(draft.row, draft.question, None, None, None, None, reason)


def _named_in(condition: str) -> set[str]:
    """Return the names in an SQL condition that may be columns."""
    return {next(filter(None, groups)) for groups in _NAMES.findall(condition)}


def _refuse_other_gold(run: Run, source: TableSource) -> None:
    """Raise InputError if a file without the column `answer` has one that looks like gold answers."""
    columns = next((list(row) for _, row in read_rows(run.base, source, None)), [])
    likely = [name for name in columns if _GOLD_NAMES.fullmatch(str(name))]
    if likely:
        raise InputError(
            f"{source.from_}: no row has '{ANSWER}', but they have '{likely[0]}': "
            f"write `columns: {{answer: {likely[0]}}}`, or `answer: null` if that is not a gold answer"
        )


def _notes(source: TableSource, rows: FieldRows, one_of_several: int) -> list[str]:
    notes = []
    if ANSWER in rows.missed & rows.optional:
        notes.append(
            f"{source.from_}: no row has '{ANSWER}' and no other column is mapped: its traces are not graded; "
            "write `columns: {answer: COLUMN}`, or `answer: null` to say that there is no gold answer"
        )
    if one_of_several:
        column = source.columns.question
        notes.append(
            f"{source.from_}: '{column}' takes one turn of several in {one_of_several:,} rows, and leaves the others "
            f"out of the prompt; `question: {list_of_turns(column)}` keeps the conversation"
        )
    if rows.joined is not None and rows.joined.left_over and source.join is not None:
        notes.append(f"{source.join.from_}: {rows.joined.left_over:,} rows match no row of {source.from_}")
    return notes


def _question_notes(source: TableSource, questions: list[str]) -> Iterator[str]:
    """Yield notes on what the questions contain but should not, or lack."""
    if ending := common_ending(questions):
        written = json.dumps(ending, ensure_ascii=False)  # as YAML too
        yield (
            f"{source.from_}: all questions end with {written}, and the recipe's instruction follows it; "
            f"`strip_suffix: {written}` removes it"
        )
    bare = sum(not options(question) for question in questions) if source.verifier == "choice" else 0
    if bare:
        yield (
            f"{source.from_}: {bare:,} of {len(questions):,} questions offer no options A, B, ...: only a letter "
            "identifies their answers; `columns: {options: COLUMN}` puts a column of options into the question"
        )
