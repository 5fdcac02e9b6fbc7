"""Find the places where traces show what only their teacher saw."""

from __future__ import annotations

from typing import Any

import polars as pl

from infogap.errors import InputError, nearest
from infogap.schema import LEAKS, MEASURES

_COLUMNS = ("question", "context", "answer", "privilege", "text")
_RESULTS = ("leak", "leaks", "copied_share", "longest_copy")


def find_leaks(frame: pl.DataFrame) -> pl.DataFrame:
    """Find the places where texts show that their author saw what the student cannot see.

    Args:
        frame: A row per trace, with the columns `question` and `text` (the trace, its thinking included), and any of
            `context` (what the teacher was shown besides the question), `answer` (the gold answer) and `privilege` (a
            name of the ladder, such as `solution`). Each may be null; fewer kinds of leaks are then found.

    Returns:
        The frame with `leak` (whether there is any), `leaks` (list of {kind, rule, start, end, evidence}; `start` and
        `end`, which is exclusive, count characters of `text`), `copied_share` (the share of the text's 8-grams of
        words that are in the context and not in the question) and `longest_copy` (in words; both null without a
        context). Kinds and rules are in docs/leaks.md.

    Raises:
        InputError: A column is missing.
    """
    for name in ("question", "text"):
        if name not in frame.columns:
            raise InputError(f"the frame has no column '{name}'{nearest(name, frame.columns)}")
    rows = frame.select(
        pl.col(name).cast(pl.String) if name in frame.columns else pl.lit(None, pl.String).alias(name)
        for name in _COLUMNS
    ).to_dicts()
    results: dict[str, list[Any]] = {name: [] for name in _RESULTS}
    for leaks, copied_share, longest_copy in _scanned(rows):
        results["leak"].append(bool(leaks))
        results["leaks"].append(leaks)
        results["copied_share"].append(copied_share)
        results["longest_copy"].append(longest_copy)
    types = {name: LEAKS if name == "leaks" else MEASURES.schema[name] for name in _RESULTS}
    return frame.with_columns(pl.Series(name, values, types[name]) for name, values in results.items())


def _scanned(rows: list[dict[str, Any]]) -> list[tuple[list[Any], float | None, int | None]]:
    """Return the leaks, the copied share and the longest copy of each row."""
    from infogap.leaks.leak_scan import load_leaks
    from infogap.leaks.scanned_trace import ContextKind, ScannedTrace
    from infogap.privileges.ladder import ladder

    kinds = {privilege.name: ContextKind.of(privilege) for privilege in ladder()}
    scanned = load_leaks().find_all(
        [
            ScannedTrace.of(
                row["text"] or "",
                row["question"] or "",
                row["context"],
                row["answer"],
                kinds.get(row["privilege"], ContextKind()),
            )
            for row in rows
        ]
    )
    return [(list(scan.leaks), scan.copied_share, scan.longest_copy) for scan in scanned]
