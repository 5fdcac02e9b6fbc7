"""Which traces stay and which go: in order, each trace against those already kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal, NamedTuple

from infogap.dedupe.bands import Bands
from infogap.dedupe.minhash import SCHEME, SEED, Signatures
from infogap.dedupe.shingles import Shingles, jaccard

if TYPE_CHECKING:
    from datasketch import LeanMinHash

How = Literal["exact", "minhash"]


class Row(NamedTuple):
    """A trace that may have duplicates: `group` is where they are looked for, `text` the index of its text."""

    group: int
    task_id: str
    privilege: str
    trace_id: str
    text: int


@dataclass(frozen=True)
class Removal:
    """Why a trace goes: which trace stays in its place, and how alike the two are."""

    trace_id: str
    duplicate_of: str
    jaccard: float  # exact, of the word n-gram sets
    how: How

    def __str__(self) -> str:
        alike = "has the same text as" if self.how == "exact" else f"shares {self.jaccard:.0%} of its n-grams with"
        return f"{self.trace_id} {alike} {self.duplicate_of}, which is kept"


class _Match(NamedTuple):
    keeper: Row
    jaccard: float
    how: How


def removals(
    rows: Iterable[Row],
    signatures: Signatures,
    shingles: Mapping[int, Shingles],
    bands: Bands,
    threshold: float,
) -> Iterator[Removal]:
    """The rows to remove. `rows` come group by group, and in each group the first of two duplicates stays.

    A row goes only for a row that stays, and only if their exact Jaccard reaches `threshold`: there is no
    transitive closure, so a chain of small changes does not empty a group. Two rows of one task under
    different privileges are never duplicates of each other. `shingles` holds the texts that share a band
    with another text; the others can only have exact copies.
    """
    for _, group in groupby(rows, key=lambda row: row.group):
        kept = _Kept(signatures, shingles, bands, threshold)
        for row in group:
            match = kept.match(row)
            if match is None:
                kept.add(row)
            else:
                yield Removal(row.trace_id, match.keeper.trace_id, match.jaccard, match.how)


class _Kept:
    """The rows of one group that stay, searchable by text and by likeness."""

    def __init__(
        self, signatures: Signatures, shingles: Mapping[int, Shingles], bands: Bands, threshold: float
    ) -> None:
        from datasketch import MinHashLSH

        self._signatures = signatures
        self._shingles = shingles
        self._threshold = threshold
        self._rows: list[Row] = []
        # What is known of a text, exact copies first: a million copies are compared with others only once.
        self._matches: defaultdict[int, list[_Match]] = defaultdict(list)
        self._index = MinHashLSH(
            num_perm=signatures.shape[1],
            params=(bands.count, bands.rows),
            storage_config={"type": "dict", "basename": b"kept"},  # without a name, it draws one at random
        )

    def add(self, row: Row) -> None:
        self._matches[row.text].insert(0, _Match(row, 1.0, "exact"))
        if row.text in self._shingles:
            self._index.insert(len(self._rows), self._minhash(row.text), check_duplication=False)
            self._rows.append(row)

    def match(self, row: Row) -> _Match | None:
        """The kept row in whose favour this one goes."""
        known = self._matches[row.text]
        for match in known:
            if _comparable(row, match.keeper):
                return match
        near = self._near(row)
        if near is not None:
            known.append(near)
        return near

    def _near(self, row: Row) -> _Match | None:
        """The first kept row whose exact Jaccard with this one reaches the threshold."""
        own = self._shingles.get(row.text)
        if own is None:
            return None
        for place in sorted(self._index.query(self._minhash(row.text))):
            other = self._rows[place]
            theirs = self._shingles[other.text]
            smaller, larger = sorted((len(own), len(theirs)))
            # The Jaccard similarity is at most the ratio of the sizes: a cheap no.
            if smaller / larger < self._threshold or not _comparable(row, other):
                continue
            similarity = jaccard(own, theirs)
            if similarity >= self._threshold:
                return _Match(other, similarity, "minhash")
        return None

    def _minhash(self, text: int) -> LeanMinHash:
        from datasketch import LeanMinHash

        return LeanMinHash(seed=SEED, hashvalues=self._signatures[text], scheme=SCHEME)


def _comparable(one: Row, other: Row) -> bool:
    """Whether one may stand for the other: one task's traces under two privileges are the experiment itself."""
    return one.task_id != other.task_id or one.privilege == other.privilege
