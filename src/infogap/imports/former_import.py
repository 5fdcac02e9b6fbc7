"""The import that a run holds: where a source has grown, the rows before its new ones are not read again.

Which trace a row gives depends on the rows before it, as samples are numbered and equal texts told apart. So blocks are
known as a chain: one is reused if all blocks before it are, too. The tables of the former import, and what is kept of
its blocks, lie in folders `cache`, which are no part of the stage's result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.atomic_files import write_text
from infogap.console import say
from infogap.errors import ExternalError
from infogap.ids import digest
from infogap.imports.trace_rows import SourceSummary, TraceRows
from infogap.recipe.sources import CREDITS, TraceImport
from infogap.rows.row_blocks import RowBlock
from infogap.runs.block_cache import BlockCache, block_cache
from infogap.runs.former_parts import FormerParts, part_digests
from infogap.runs.former_rows import frame_digest
from infogap.runs.run_folder import ROWS_PER_PART, Run, TableWriter
from infogap.schema import CONTEXTS, STATED_VERDICTS, TRACE_TURNS, TRACES

TABLES = (TRACES, CONTEXTS, STATED_VERDICTS, TRACE_TURNS)
_FOLDER = "cache/imported"
_PARTS = "parts.json"


class FormerImport:
    """What the former import wrote of the blocks that the sources still begin with."""

    def __init__(self, run: Run, blocks: BlockCache) -> None:
        self._path = run.path / TRACES.name / _FOLDER / _PARTS
        digests = _read_digests(self._path)
        self._parts = [
            FormerParts(run.path / table.name, run.path / table.name / _FOLDER, digests.get(table.name, []))
            for table in TABLES
        ]
        self._folders = [run.path / table.name for table in TABLES]
        self._blocks = blocks
        self._chain: str | None = ""
        self._origins: list[pl.DataFrame] = []
        self._rows = [0] * len(TABLES)  # of the tables, that are reused
        self._reading = False
        for parts in self._parts:
            parts.move_aside()

    def follow(self, source: TraceImport, block: RowBlock, fates: pl.DataFrame) -> dict[str, Any] | None:
        """Go on to the next block, whose rows have these fates; return its facts if it and all before it are known."""
        if block.digest is None or self._chain is None:
            self._chain = None
            return None
        settings = source.model_dump(mode="json", by_alias=True, exclude=CREDITS)
        relative = fates.select(pl.col("row") - block.first, "task_id", "reason")
        self._chain = digest([self._chain, settings, block.digest, frame_digest(relative)])
        known = None if self._reading else self._blocks.get(self._chain)
        if known is None or not self._is_sound(known[1]["rows"]):
            return None
        self._origins.append(known[0])
        self._rows = known[1]["rows"]
        return known[1]

    def _is_sound(self, rows: list[int]) -> bool:
        return all(
            number < len(parts) and parts.is_sound(number)
            for parts, count, before in zip(self._parts, rows, self._rows, strict=True)
            for number in range(before // ROWS_PER_PART, -(-count // ROWS_PER_PART))
        )

    def restore(self, made: TraceRows, writers: Sequence[TableWriter]) -> None:
        """Write the rows of all blocks that were known, and bring `made` to where they left it; once, before others."""
        if self._reading:
            return
        self._reading = True
        for table, parts, count, out in zip(TABLES, self._parts, self._rows, writers, strict=True):
            whole = count // ROWS_PER_PART
            for number in range(whole):
                if table == CONTEXTS:
                    made.know_contexts(parts.read(number, table, ["context_id"]))
                parts.give(number, out)
            if rest := count % ROWS_PER_PART:
                part = parts.read(whole, table)
                assert part is not None, "it was sound when its block was found"
                out.write(part[:rest])
                if table == CONTEXTS:
                    made.know_contexts(part[:rest])
        for origins in self._origins:
            made.know_origins(origins)
        self._origins = []

    def keep(self, made: TraceRows, found: set[str], summary: SourceSummary, writers: Sequence[TableWriter]) -> None:
        """Keep what a block that was read has given; `writers` have what is not in `made` any more."""
        origins = made.take_origins()
        if self._chain is not None:
            rows = [out.rows + len(more) for out, more in zip(writers, made.tables, strict=True)]
            facts = {"rows": rows, "found": sorted(found), "summary": summary.state()}
            self._blocks.put(self._chain, origins, facts)

    def close(self) -> None:
        """Write down the parts of the tables, which are now complete, and remove the former ones."""
        if self._blocks.used:
            digests = {folder.name: part_digests(folder) for folder in self._folders}
            with suppress(ExternalError):
                write_text(self._path, orjson.dumps({"parts": digests, "digest": digest(digests)}).decode() + "\n")
        else:
            self._path.unlink(missing_ok=True)
        for parts in self._parts:
            parts.remove()


@contextmanager
def former_import(run: Run, version: int) -> Iterator[FormerImport]:
    """Hold what the former import wrote, while the tables are rewritten inside the block."""
    with block_cache(run.path / TRACES.name / _FOLDER / "blocks", version) as blocks:
        former = FormerImport(run, blocks)
        yield former
        former.close()


def _read_digests(path: Path) -> dict[str, list[str]]:
    try:
        record = orjson.loads(path.read_bytes())
        if record["digest"] == digest(record["parts"]):
            parts: dict[str, list[str]] = record["parts"]
            return parts
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    say(f"{path} was damaged: the sources are read again", style="dim")
    return {}
