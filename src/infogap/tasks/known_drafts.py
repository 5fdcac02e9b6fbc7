"""Drafts of tasks that were read from a block of rows before: a file that has grown is read from where it is new."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from infogap.ids import digest
from infogap.recipe.named_formats import load_format
from infogap.rows.message_turns import Turn
from infogap.rows.row_blocks import RowBlock
from infogap.runs.block_cache import BlockCache, block_cache
from infogap.runs.run_folder import Run
from infogap.schema import TASKS
from infogap.tasks.question_column import TableSource
from infogap.user_objects import is_user_object
from infogap.verify.verifiers import provider_versions

VERSION = 4  # raised when equal rows give other drafts
_FOLDER = f"{TASKS.name}/cache/drafts"
_TEXTS = ("question", "answer", "solution", "family", "difficulty", "fault")
_SCHEMA = pl.Schema({"row": pl.Int64, **dict.fromkeys((*_TEXTS, "turns"), pl.String)})


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields of a task that a row has; some may be missing."""

    row: int
    question: str | None
    answer: str | None
    solution: str | None
    family: str | None
    difficulty: str | None
    fault: str | None = None  # why the row cannot be a task
    turns: list[Turn] | None = None  # of a question that is a conversation
    others: dict[str, Any] | None = None  # further columns that `where` names, if any
    alternative: str | None = None  # which of several rows with the same samples this is


@dataclass(frozen=True)
class BlockDrafts:
    """The drafts of a block's rows, and what its rows add to the notes on their source."""

    drafts: list[Draft]
    found: set[str]  # mapped paths that the rows have
    one_of_several: int  # rows of which the question is one turn of several


class KnownDrafts:
    """The drafts of a source's blocks, by the digests of the blocks."""

    def __init__(self, cache: BlockCache) -> None:
        self._cache = cache

    def get(self, block: RowBlock, share: Callable[[str | None], str | None]) -> BlockDrafts | None:
        """Return the drafts of an equal block, numbered as this one's rows; None if it has not been read before."""
        known = None if block.digest is None else self._cache.get(block.digest)
        if known is None:
            return None
        table, facts = known
        drafts = []
        for row, question, answer, solution, family, difficulty, fault, turns in table.iter_rows():
            drafts.append(
                Draft(
                    block.first + row,
                    share(question),
                    share(answer),
                    share(solution),
                    share(family),
                    share(difficulty),
                    fault,
                    None if turns is None else orjson.loads(turns),
                )
            )
        return BlockDrafts(drafts, set(facts["found"]), facts["one_of_several"])

    def put(self, block: RowBlock, made: BlockDrafts) -> None:
        """Keep the drafts of a block that has a digest."""
        if block.digest is None:
            return
        rows = [
            (
                draft.row - block.first,
                *(getattr(draft, name) for name in _TEXTS),
                None if draft.turns is None else orjson.dumps(draft.turns).decode(),
            )
            for draft in made.drafts
        ]
        facts = {"found": sorted(made.found), "one_of_several": made.one_of_several}
        self._cache.put(block.digest, pl.DataFrame(rows, _SCHEMA, orient="row"), facts)


@contextmanager
def known_drafts(run: Run, source: TableSource) -> Iterator[KnownDrafts | None]:
    """Open what is known of a source's blocks; None for a source whose drafts depend on more than a block's rows.

    Such are those with a `join`, a `where` or a `pattern`, of which one search can take too long, options, whose
    numbering shows in all rows together, and a verifier of the user's own.
    """
    alternatives = source.format is not None and load_format(source.format).alternatives is not None
    whole = (source.join, source.where, source.pattern, getattr(source.columns, "options", None))
    if any(value is not None for value in whole) or alternatives or is_user_object(source.gold_verifier):
        yield None
        return
    settings: list[Any] = [
        VERSION,
        source.model_dump(mode="json", by_alias=True),
        provider_versions({source.gold_verifier}),
    ]
    with block_cache(run.path / _FOLDER / digest(source.from_)[:16], settings) as cache:
        yield KnownDrafts(cache)


def drop_unused(run: Run) -> None:
    """Remove what is known of sources that the recipe has no more."""
    used = {digest(source.from_)[:16] for source in run.recipe.table_sources}
    for folder in (run.path / _FOLDER).glob("*"):
        if folder.name not in used:
            shutil.rmtree(folder, ignore_errors=True)
