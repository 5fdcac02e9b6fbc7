"""Which rounds of requests a traces folder holds, and where each one's parts begin."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from infogap.atomic_files import write_text
from infogap.runs.run_folder import ROWS_PER_PART


@dataclass(frozen=True)
class Rounds:
    """The plans of the rounds so far: their keys and numbers of requests, cut into blocks of `block`."""

    keys: tuple[str, ...] = ()
    totals: tuple[int, ...] = ()
    block: int = ROWS_PER_PART

    @staticmethod
    def path(folder: Path) -> Path:
        return folder / "plan.json"

    @classmethod
    def read(cls, folder: Path) -> Rounds:
        """The rounds of a traces folder; none where it has no plan, or an unreadable one."""
        try:
            plan = orjson.loads(cls.path(folder).read_bytes())
            rounds = plan["rounds"]
            keys, totals = tuple(each["key"] for each in rounds), tuple(each["total"] for each in rounds)
            return cls(keys, totals, plan["block"])
        except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
            return cls()

    def write(self, folder: Path) -> None:
        rounds = [{"key": key, "total": total} for key, total in zip(self.keys, self.totals, strict=True)]
        write_text(self.path(folder), orjson.dumps({"block": self.block, "rounds": rounds}).decode())

    def holds(self, round_: int, key: str, total: int, block: int) -> bool:
        """Whether a round's plan is this one."""
        known = len(self.keys) > round_ and self.block == block
        return known and (self.keys[round_], self.totals[round_]) == (key, total)

    def with_round(self, round_: int, key: str, total: int, block: int) -> Rounds:
        """The rounds before this one, and this one; those after it follow from other answers and go."""
        earlier = self.until(round_ if self.block == block else 0)
        return Rounds((*earlier.keys, key), (*earlier.totals, total), block)

    def until(self, count: int) -> Rounds:
        return Rounds(self.keys[:count], self.totals[:count], self.block)

    def first_part(self, round_: int) -> int:
        """The number of a round's first part."""
        return sum(-(-total // self.block) for total in self.totals[:round_])

    def rows_of(self, part: int) -> int:
        """How many rows a whole part has; none where it belongs to no round."""
        for round_, total in enumerate(self.totals):
            place = part - self.first_part(round_)
            if 0 <= place * self.block < total:
                return min(self.block, total - place * self.block)
        return 0
