"""The scan for leaks: every kind, over one trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from infogap.ids import digest
from infogap.leaks.answer_first import find_answer_first, find_decoy
from infogap.leaks.copying import LEAKING_PROSE, LEAKING_RUN, NGRAM, find_copies
from infogap.leaks.known_answer import find_faulted, find_foreknown
from infogap.leaks.leak_input import Found, Leak, Seen
from infogap.leaks.leak_rules import Rules, load_rules
from infogap.leaks.references import References
from infogap.leaks.unrelated_context import find_strayed

KINDS = ("reference", "copying", "answer_first", "chat_artefact", "decoy")
"""The kinds of leak that are told apart."""


@dataclass(frozen=True)
class LeakScan:
    """Finds what a trace gives away; `digest` says by which rules."""

    rules: Rules
    digest: str

    def find(self, seen: Seen) -> Found:
        """A trace's leaks, from left to right, and how much of it its context has too."""
        return self.find_all([seen])[0]

    def find_all(self, traces: Sequence[Seen]) -> list[Found]:
        """The same for many traces, in less time: their texts are searched for words together."""
        return [
            _found(seen, references) for seen, references in zip(traces, self._references.find(traces), strict=True)
        ]

    @cached_property
    def _references(self) -> References:
        return References(self.rules)


def _found(seen: Seen, references: list[Leak]) -> Found:
    copied = find_copies(seen)
    leaks = [
        *references,
        *find_foreknown(seen),
        *find_faulted(seen),
        *find_strayed(seen),
        *copied.leaks,
        *find_answer_first(seen),
        *find_decoy(seen),
    ]
    return Found(_apart(leaks), copied.share, copied.longest)


def _apart(leaks: list[Leak]) -> list[Leak]:
    """From left to right, and of those of one kind that overlap the first and longest."""
    free = dict.fromkeys(KINDS, 0)
    kept: list[Leak] = []
    for leak in sorted(leaks, key=lambda leak: (leak["start"], -leak["end"], KINDS.index(leak["kind"]))):
        if leak["start"] >= free[leak["kind"]]:
            free[leak["kind"]] = leak["end"]
            kept.append(leak)
    return kept


@cache  # three stages ask for it, and the rules take a third of a second to read
def load_leaks() -> LeakScan:
    """The scan by the rules that ship with infogap."""
    rules = load_rules()
    return LeakScan(rules, digest([rules.digest, NGRAM, LEAKING_RUN, LEAKING_PROSE]))
