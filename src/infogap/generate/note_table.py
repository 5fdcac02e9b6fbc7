"""The notes that models wrote in earlier waves: whether each can be used, and its text."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from infogap.generate.trace_files import Rounds, part_number
from infogap.runs.run_folder import check_part, read_part
from infogap.schema import NOTES

_HELD = 4  # parts whose texts are in memory: notes are read nearly in the order in which they were written


class NoteTable:
    """The notes of the waves before `before`, by id."""

    def __init__(self, folder: Path, before: int) -> None:
        first_after = Rounds.read(folder).first_part(before)
        paths = {part_number(path): path for path in sorted(folder.glob("part-*.parquet"))}
        self._paths = {number: path for number, path in paths.items() if number < first_after}
        self._rows: dict[str, tuple[int, str | None]] = {}
        for number, path in self._paths.items():
            check_part(path)
            rows = pl.read_parquet(path, columns=["trace_id", "response", "finish_reason", "error"])
            for note_id, problem in rows.select("trace_id", problem_of_note()).iter_rows():
                self._rows[note_id] = number, problem
        self._texts: dict[int, dict[str, str]] = {}

    def __contains__(self, note_id: str) -> bool:
        return note_id in self._rows

    def problem(self, note_id: str) -> str | None:
        """Return why a note cannot be used, `failed`, `truncated` or `empty`; None if it can."""
        return self._rows[note_id][1]

    def text(self, note_id: str) -> str:
        number = self._rows[note_id][0]
        if number not in self._texts:
            if len(self._texts) == _HELD:
                self._texts.pop(next(iter(self._texts)))
            part = read_part(self._paths[number], NOTES)
            self._texts[number] = dict(part.select("trace_id", "response").iter_rows())
        return self._texts[number][note_id]


def problem_of_note() -> pl.Expr:
    """Return, as `problem`, why a row of the notes table cannot be used; null if it can."""
    return (
        pl.when(pl.col("error").is_not_null())
        .then(pl.lit("failed"))
        .when(pl.col("finish_reason") == "length")
        .then(pl.lit("truncated"))
        .when(pl.col("response").str.strip_chars() == "")
        .then(pl.lit("empty"))
        .alias("problem")
    )
