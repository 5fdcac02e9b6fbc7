"""Scan traces for leaks of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from infogap.ids import digest
from infogap.leaks.answer_first import find_answer_first, find_decoy
from infogap.leaks.copying import LEAKING_PROSE, LEAKING_RUN, NGRAM, Copied, find_all_copies
from infogap.leaks.known_answer import find_faulted_answer, find_known_answer
from infogap.leaks.leak_rules import Rules, load_rules
from infogap.leaks.references import References, find_unrelated_context
from infogap.leaks.scanned_trace import Leak, ScannedTrace, ScanResult

KINDS = {
    "reference": "it refers to a solution, an answer, a hint, an attempt or a verdict that the student does not see",
    "copying": "it copies a long passage from the context",
    "answer_first": "it asserts the answer that the context held before anything derives it",
    "chat_artefact": "it has words of a chat's template, roles or system text",
    "decoy": "its answer is that of a misleading context",
}
"""The kinds of leaks, each with what it says of a trace."""
_ORDER = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class LeakScan:
    """The scan by some rules; `digest` changes with the rules and the thresholds."""

    rules: Rules
    digest: str

    def find(self, trace: ScannedTrace) -> ScanResult:
        """Scan one trace."""
        return self.find_all([trace])[0]

    def find_all(self, traces: Sequence[ScannedTrace]) -> list[ScanResult]:
        """Scan many traces, which is faster than one at a time: their texts are searched together."""
        return [
            _scan(trace, references, copied)
            for trace, references, copied in zip(
                traces, self._references.find(traces), find_all_copies(traces), strict=True
            )
        ]

    @cached_property
    def _references(self) -> References:
        return References(self.rules)


def _scan(trace: ScannedTrace, references: list[Leak], copied: Copied) -> ScanResult:
    leaks = [
        *references,
        *find_known_answer(trace),
        *find_faulted_answer(trace),
        *find_unrelated_context(trace),
        *copied.leaks,
        *find_answer_first(trace),
        *find_decoy(trace),
    ]
    return ScanResult(_without_overlaps(leaks), copied.share, copied.longest)


def _without_overlaps(leaks: list[Leak]) -> list[Leak]:
    """Sort from left to right; of overlapping leaks of one kind keep the first and longest."""
    free = dict.fromkeys(KINDS, 0)
    kept: list[Leak] = []
    for leak in sorted(leaks, key=lambda leak: (leak["start"], -leak["end"], _ORDER[leak["kind"]])):
        if leak["start"] >= free[leak["kind"]]:
            free[leak["kind"]] = leak["end"]
            kept.append(leak)
    return kept


@cache  # fingerprints need it too, and the rules take a third of a second to read
def load_leaks() -> LeakScan:
    """Load the scan by the rules that ship with infogap."""
    rules = load_rules()
    return LeakScan(rules, digest([rules.digest, NGRAM, LEAKING_RUN, LEAKING_PROSE]))
