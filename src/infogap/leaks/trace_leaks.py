"""Put together what all searches find in one trace."""

from __future__ import annotations

from infogap.leaks.answer_first import find_answer_first, find_decoy
from infogap.leaks.copying import Copied
from infogap.leaks.known_answer import find_faulted_answer, find_known_answer
from infogap.leaks.leak_scan import KINDS
from infogap.leaks.note_references import find_note_references
from infogap.leaks.references import find_unrelated_context
from infogap.leaks.scanned_trace import Leak, ScannedTrace, ScanResult
from infogap.leaks.turn_leaks import opening_turn, within_turns

_ORDER = {kind: place for place, kind in enumerate(KINDS)}


def scan(trace: ScannedTrace, references: list[Leak], copied: Copied) -> ScanResult:
    """Return a trace's leaks, of which references and copies are found already."""
    leaks = [
        *references,
        *find_known_answer(trace),
        *find_faulted_answer(trace),
        *find_unrelated_context(trace),
        *find_note_references(trace),
        *copied.leaks,
        *(find_answer_first(opening) if (opening := opening_turn(trace)) is not None else []),
        *find_decoy(trace),
    ]
    return ScanResult(_without_overlaps(within_turns(trace, leaks)), copied.share, copied.longest)


def _without_overlaps(leaks: list[Leak]) -> list[Leak]:
    """Sort from left to right; of overlapping leaks of one kind keep the first and longest."""
    free = dict.fromkeys(KINDS, 0)
    kept: list[Leak] = []
    for leak in sorted(leaks, key=lambda leak: (leak["start"], -leak["end"], _ORDER[leak["kind"]])):
        if leak["start"] >= free[leak["kind"]]:
            free[leak["kind"]] = leak["end"]
            kept.append(leak)
    return kept
