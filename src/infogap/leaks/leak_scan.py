"""Scan traces for leaks of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

from infogap.leaks.leak_rules import Rules, leaks_digest, load_rules
from infogap.leaks.scanned_trace import ScannedTrace, ScanResult

if TYPE_CHECKING:
    from infogap.leaks.references import References


KINDS = {
    "reference": "it refers to a solution, an answer, a hint, an attempt or a verdict that the student does not see",
    "copying": "it copies a long passage from the context",
    "answer_first": "it asserts the answer that the context held before anything derives it",
    "chat_artefact": "it has words of a chat's template, roles or system text",
    "decoy": "its answer is that of a misleading context",
}
"""The kinds of leaks, each with what it says of a trace."""


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
        from infogap.leaks.copying import find_all_copies
        from infogap.leaks.trace_leaks import scan
        from infogap.leaks.turn_leaks import copied_in_turns, each_turn

        copied = iter(find_all_copies([turn for trace in traces for turn in each_turn(trace)]))
        return [
            scan(trace, references, copied_in_turns(trace, copied))
            for trace, references in zip(traces, self._references.find(traces), strict=True)
        ]

    @cached_property
    def _references(self) -> References:
        from infogap.leaks.references import References

        return References(self.rules)


@cache
def load_leaks() -> LeakScan:
    """Load the scan by the rules that ship with infogap."""
    return LeakScan(load_rules(), leaks_digest())
