"""Parts of the traces table, each with its part of the tokens table beside it where tokens are recorded."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from infogap.console import say
from infogap.errors import WorldError
from infogap.generate.completion_journal import Row
from infogap.runs.run_folder import check_part, write_part
from infogap.schema import TOKENS, TRACES

_TOKEN_COLUMNS = ("logprobs", "entropies")


def part_number(path: Path) -> int:
    """The number in `part-00012.parquet` or `journal-00012.jsonl`."""
    return int(path.name.partition(".")[0].rpartition("-")[2])


def part_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}.parquet"


def tokens_path(folder: Path, number: int) -> Path:
    """Where the tokens of a traces folder's part lie."""
    return folder.parent / TOKENS.name / f"part-{number:05d}.parquet"


def write_rows(folder: Path, number: int, rows: list[Row], *, with_tokens: bool) -> None:
    """Write rows as a part; the tokens first, so that a part that is there has them."""
    if with_tokens:
        tokens = [{"trace_id": row["trace_id"]} | _tokens(row) for row in rows if row.get("logprobs") is not None]
        write_part(tokens_path(folder, number), TOKENS.frame(tokens))
    traces = [{name: row[name] for name in TRACES.schema} for row in rows]
    write_part(part_path(folder, number), TRACES.frame(traces))


def _tokens(row: Row) -> Row:
    return {name: row[name] for name in _TOKEN_COLUMNS}


def with_their_tokens(folder: Path, path: Path) -> pl.DataFrame:
    """A part's rows with `logprobs` and `entropies`, null where none were recorded."""
    tokens = tokens_path(folder, part_number(path))
    recorded = pl.read_parquet(tokens) if tokens.is_file() and is_sound(tokens) else TOKENS.empty()
    return pl.read_parquet(path).join(recorded, on="trace_id", how="left", maintain_order="left")


def is_sound(path: Path) -> bool:
    """Whether a part can be read. One that cannot is renamed, so that its requests are asked again."""
    try:
        check_part(path)
    except WorldError as error:
        say(f"{error}; it is set aside as damaged-{path.name}, and its requests are asked again", style="yellow")
        path.rename(path.with_name(f"damaged-{path.name}"))
        return False
    return True
