"""Leaks: where a trace shows that its author saw what the student cannot see."""

from infogap.measure.leaks.scan import KINDS, LeakScan, load_leaks
from infogap.measure.leaks.seen import Found, Leak, Seen, held_answer

__all__ = ["KINDS", "Found", "Leak", "LeakScan", "Seen", "held_answer", "load_leaks"]
