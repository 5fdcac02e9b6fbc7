"""The files of a traces folder: the plan of its rounds, its parts, and the journals of unfinished parts.

`plan.json` lists the rounds. If tokens are recorded, each part of the traces table has a part of the same number in the
tokens table. A journal holds the completions of a block that is not whole yet, one JSON line each.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.atomic_files import write_text
from infogap.console import detail, say
from infogap.errors import ExternalError
from infogap.runs.run_folder import ROWS_PER_PART, check_part, write_part
from infogap.schema import NOTES, TOKENS, TRACES

Row = dict[str, Any]
_TOKEN_COLUMNS = ("logprobs", "entropies")


@dataclass(frozen=True)
class Rounds:
    """The plans of the rounds so far: the key and the number of requests of each, in blocks of `block` requests."""

    keys: tuple[str, ...] = ()
    totals: tuple[int, ...] = ()
    block: int = ROWS_PER_PART
    by_teacher: tuple[dict[str, int], ...] = ()  # requests for each of several teachers; else empty

    @staticmethod
    def path(folder: Path) -> Path:
        return folder / "plan.json"

    @classmethod
    def read(cls, folder: Path) -> Rounds:
        """Read the rounds of a traces folder; none if it has no plan, or an unreadable one."""
        try:
            plan = orjson.loads(cls.path(folder).read_bytes())
            rounds = plan["rounds"]
            keys, totals = tuple(each["key"] for each in rounds), tuple(each["total"] for each in rounds)
            return cls(keys, totals, plan["block"], tuple(each.get("teachers", {}) for each in rounds))
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
            return cls()

    def write(self, folder: Path) -> None:
        rounds = [
            {"key": key, "total": total} | ({"teachers": teachers} if teachers else {})
            for key, total, teachers in zip(self.keys, self.totals, self.by_teacher, strict=True)
        ]
        write_text(self.path(folder), orjson.dumps({"block": self.block, "rounds": rounds}).decode())

    def holds(self, round_: int, key: str, total: int, block: int) -> bool:
        """Return True if a round's plan is this one."""
        known = len(self.keys) > round_ and self.block == block
        return known and (self.keys[round_], self.totals[round_]) == (key, total)

    def with_round(
        self, round_: int, key: str, total: int, block: int, by_teacher: dict[str, int] | None = None
    ) -> Rounds:
        """Return the earlier rounds and this one; later ones depended on other answers and are dropped."""
        earlier = self.until(round_ if self.block == block else 0)
        keys, totals = (*earlier.keys, key), (*earlier.totals, total)
        return Rounds(keys, totals, block, (*earlier.by_teacher, by_teacher or {}))

    def until(self, count: int) -> Rounds:
        """Return the first `count` rounds."""
        return Rounds(self.keys[:count], self.totals[:count], self.block, self.by_teacher[:count])

    @property
    def totals_by_teacher(self) -> dict[str, int]:
        """The number of requests for each of several teachers, in all rounds; empty if there is only one."""
        totals = Counter[str]()
        for each in self.by_teacher:
            totals.update(each)
        return dict(totals)

    def first_part(self, round_: int) -> int:
        """Return the number of a round's first part."""
        return sum(-(-total // self.block) for total in self.totals[:round_])

    def rows_of(self, part: int) -> int:
        """Return the number of rows of a whole part; 0 if it belongs to no round."""
        for round_, total in enumerate(self.totals):
            place = part - self.first_part(round_)
            if 0 <= place * self.block < total:
                return min(self.block, total - place * self.block)
        return 0


def part_number(path: Path) -> int:
    """Return the number in `part-00012.parquet` or `journal-00012.jsonl`."""
    return int(path.name.partition(".")[0].rpartition("-")[2])


def part_path(folder: Path, number: int) -> Path:
    return folder / f"part-{number:05d}.parquet"


def tokens_path(folder: Path, number: int) -> Path:
    """Return the path of the tokens of a part of the traces. Those of notes are not recorded."""
    if folder.name == NOTES.name:
        return folder / TOKENS.name / f"part-{number:05d}.parquet"
    return folder.parent / TOKENS.name / f"part-{number:05d}.parquet"


def write_rows(folder: Path, number: int, rows: list[Row], *, with_tokens: bool) -> None:
    """Write rows as a part; the tokens first, so that a part never lacks its tokens."""
    if with_tokens:
        tokens = [{"trace_id": row["trace_id"]} | _tokens(row) for row in rows if row.get("logprobs") is not None]
        write_part(tokens_path(folder, number), TOKENS.frame(tokens))
    traces = [{name: row[name] for name in TRACES.schema} for row in rows]
    write_part(part_path(folder, number), TRACES.frame(traces))


def _tokens(row: Row) -> Row:
    return {name: row[name] for name in _TOKEN_COLUMNS}


def with_their_tokens(folder: Path, path: Path) -> pl.DataFrame:
    """Read a part's rows with `logprobs` and `entropies`, null where none were recorded."""
    tokens = tokens_path(folder, part_number(path))
    recorded = pl.read_parquet(tokens) if tokens.is_file() and is_sound(tokens) else TOKENS.empty()
    return pl.read_parquet(path).join(recorded, on="trace_id", how="left", maintain_order="left")


def is_sound(path: Path) -> bool:
    """Return True if a part can be read. A damaged one is renamed, so that its requests are sent again."""
    try:
        check_part(path)
    except ExternalError as error:
        say(f"{error}; it is set aside as damaged-{path.name}, and its requests are sent again", style="yellow")
        path.rename(path.with_name(f"damaged-{path.name}"))
        return False
    return True


def read_journal(path: Path, index: str) -> dict[int, Row]:
    """Read the rows of a journal by their key `index`; none if there is no file. Drops a line truncated by a kill."""
    if not path.is_file():
        return {}
    content = path.read_bytes()
    kept = content[: content.rfind(b"\n") + 1]
    if len(kept) < len(content):
        with path.open("rb+") as journal:
            journal.truncate(len(kept))
    rows: dict[int, Row] = {}
    for line in kept.splitlines():
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            detail(f"{path}: an unreadable line; its request is sent again")
            continue
        rows.setdefault(row.pop(index), row)
    return rows
