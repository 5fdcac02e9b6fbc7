"""Find leaks: where a trace shows that its author saw what the student cannot see.

Open `leak_scan.py` first: it runs the searches for each kind.
"""

from infogap.leaks.leak_scan import KINDS, LeakScan, leaks_digest, load_leaks
from infogap.leaks.scanned_trace import ContextKind, Leak, ScannedTrace, ScanResult, held_answer

__all__ = [
    "KINDS",
    "ContextKind",
    "Leak",
    "LeakScan",
    "ScanResult",
    "ScannedTrace",
    "held_answer",
    "leaks_digest",
    "load_leaks",
]
