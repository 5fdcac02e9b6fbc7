"""Leaks: where a trace shows that its author saw what the student cannot see."""

from infogap.leaks.leak_input import ContextKind, Found, Leak, Seen, held_answer
from infogap.leaks.leak_scan import KINDS, LeakScan, load_leaks

__all__ = ["KINDS", "ContextKind", "Found", "Leak", "LeakScan", "Seen", "held_answer", "load_leaks"]
