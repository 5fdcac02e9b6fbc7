"""Verdicts that generation needs: given when a round ends, kept, and taken over by the verify stage.

They are kept because what is asked next follows from them: a grader that runs into its time limit on one day and
not on another must not change what a resumed run asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from infogap.run import Run, read_part, write_part
from infogap.schema import TRACES, VERDICTS

FOLDER = "judged"  # in the traces folder


def judged_path(traces_folder: Path, round_: int) -> Path:
    """Where the verdicts on a round's traces lie."""
    return traces_folder / FOLDER / f"round-{round_:03d}.parquet"


def write_judged(traces_folder: Path, round_: int, verdicts: pl.DataFrame) -> None:
    """Keep a round's verdicts (the verdicts table's columns)."""
    write_part(judged_path(traces_folder, round_), verdicts.match_to_schema(VERDICTS.schema))


def read_judged(run: Run) -> pl.DataFrame:
    """The verdicts of all rounds that have been judged."""
    paths = sorted((run.path / TRACES.name / FOLDER).glob("round-*.parquet"))
    return pl.concat([VERDICTS.empty(), *(read_part(path, VERDICTS) for path in paths)])


def forget_judged(traces_folder: Path, from_round: int = 0) -> None:
    """Remove the verdicts of a round and of those after it."""
    for path in _paths_from(traces_folder, from_round):
        path.unlink()


def _paths_from(traces_folder: Path, from_round: int) -> Iterator[Path]:
    first = judged_path(traces_folder, from_round).name
    return (path for path in sorted((traces_folder / FOLDER).glob("round-*.parquet")) if path.name >= first)
