"""What a match is, in a few plain lines of Python: slow, and easy to believe."""

from __future__ import annotations

from dataclasses import dataclass

from dedupe.plain_search import words


def without(found: list[str], ignored: list[str]) -> list[str]:
    """The words that are in no occurrence of an ignored phrase."""
    gone: set[int] = set()
    for phrase in map(words, ignored):
        for start in range(len(found) - len(phrase) + 1):
            if phrase and found[start : start + len(phrase)] == phrase:
                gone |= set(range(start, start + len(phrase)))
    return [word for place, word in enumerate(found) if place not in gone]


def grams(found: list[str], n: int) -> list[tuple[str, ...]]:
    if not found:
        return []
    size = min(n, len(found))
    return [tuple(found[start : start + size]) for start in range(len(found) - size + 1)]


@dataclass(frozen=True)
class Shared:
    ngrams: int
    share: float
    grams: frozenset[tuple[str, ...]]


def shared(ours: str, theirs: str, n: int, ignored: list[str]) -> Shared | None:
    """What of an evaluation question a text has; None where it has nothing."""
    own, question = without(words(ours), ignored), without(words(theirs), ignored)
    both = set(grams(own, n)) & set(grams(question, n))
    if not both:
        return None
    covered = {
        place
        for start, gram in enumerate(grams(question, n))
        if gram in both
        for place in range(start, start + len(gram))
    }
    return Shared(len(both), len(covered) / len(question), frozenset(both))
