"""Removed duplicates beside the kept traces in the terminal, differences highlighted."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import polars as pl

from infogap.console import stdout
from infogap.errors import InputError
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, TASKS, TRACES

if TYPE_CHECKING:
    from rich.text import Text

_PIECE = re.compile(r"\S+\s*")
_CONTEXT = 12  # words shown on each side of a difference; longer equal stretches are shortened


def pairs_of(run: Run, wanted: dict[str, str], limit: int) -> pl.DataFrame:
    """Return removed traces with the kept ones, least similar first.

    Raises InputError if no trace (with these column values) was removed.
    """
    traces = run.scan(TRACES).select("trace_id", "task_id", "privilege", "sample", "reasoning", "response")
    duplicates = (
        run.scan(DUPLICATES)
        .join(traces, on="trace_id")
        .join(traces, left_on="duplicate_of", right_on="trace_id", suffix="_kept")
        .join(run.scan(TASKS).select("task_id", "question"), on="task_id", how="left")
    )
    for column, value in wanted.items():
        duplicates = duplicates.filter(pl.col(column) == value)
    pairs = duplicates.sort("jaccard", "trace_id").head(limit).collect()
    if pairs.is_empty():
        asked = f" with {', '.join(f'{name} {value}' for name, value in wanted.items())}" if wanted else ""
        raise InputError(f"no trace{asked} of {run.path} is a duplicate of another")
    return pairs


def print_pairs(pairs: pl.DataFrame) -> None:
    """Print each pair in two columns, the kept trace on the left."""
    from rich.table import Table

    console = stdout()
    for pair in pairs.iter_rows(named=True):
        kept, removed = _marked(_text(pair, "_kept"), _text(pair, ""))
        alike = "the same text" if pair["how"] == "exact" else f"Jaccard {pair['jaccard']:.3f}"
        table = Table(expand=True, padding=(0, 1), title=f"task {pair['task_id']}: {alike}", title_justify="left")
        heading = "{} #{}\nstays: {}", "{} #{}\ngoes: {}"
        names = ("privilege_kept", "sample_kept", "duplicate_of"), ("privilege", "sample", "trace_id")
        for text, columns in zip(heading, names, strict=True):
            table.add_column(text.format(*(pair[name] for name in columns)), ratio=1, overflow="fold")
        table.add_row(kept, removed)
        console.print(table)


def _text(pair: dict[str, Any], suffix: str) -> str:
    return "\n\n".join(filter(None, (pair[f"reasoning{suffix}"], pair[f"response{suffix}"])))


def _marked(kept: str, removed: str) -> tuple[Text, Text]:
    """Highlight the words that the other text lacks; shorten long equal stretches."""
    from rich.text import Text

    one, other = _PIECE.findall(kept), _PIECE.findall(removed)
    shown = Text(), Text()
    blocks = SequenceMatcher(None, [word.strip() for word in one], [word.strip() for word in other], autojunk=False)
    for tag, one_start, one_stop, other_start, other_stop in blocks.get_opcodes():
        sides = zip(shown, (one[one_start:one_stop], other[other_start:other_stop]), strict=True)
        for text, words in sides:
            if tag == "equal":
                text.append(_shortened(words), style="dim")
            else:
                text.append("".join(words), style="bold black on yellow")
    return shown


def _shortened(words: list[str]) -> str:
    if len(words) <= 2 * _CONTEXT + 4:
        return "".join(words)
    left_out = len(words) - 2 * _CONTEXT
    return f"{''.join(words[:_CONTEXT])}[... {left_out:,} equal words ...] {''.join(words[-_CONTEXT:])}"
