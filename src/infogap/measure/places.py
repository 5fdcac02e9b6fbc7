"""What a lexicon finds in one trace, and where."""

from __future__ import annotations

from collections import Counter
from typing import Any

from infogap.measure.lexicon import Lexicon
from infogap.measure.phrases import Span


def lexicon_row(lexicon: Lexicon, spans: list[Span], characters: int, reasoning: int, length: int) -> dict[str, Any]:
    """The entry of a lexicon in a trace's measures.

    Takes the spans of its markers in a text of so many characters, of which the first `reasoning` are the thought;
    the density is per 1,000 of `length` (tokens or words), and there is none where that is 0.
    """
    found = Counter(marker for _, _, marker in spans)
    categories = Counter(lexicon.markers[marker] for marker in found.elements())
    quarters = Counter(4 * start // characters for start, _, _ in spans)
    return {
        "lexicon": lexicon.name,
        "epistemic_count": len(spans),
        "epistemic_density": 1000 * len(spans) / length if length else None,
        "markers": [{"marker": marker, "count": found[marker]} for marker in lexicon.markers if marker in found],
        "categories": [
            {"category": category, "count": categories[category]}
            for category in dict.fromkeys(lexicon.markers.values())
        ],
        "reasoning_count": sum(start < reasoning for start, _, _ in spans),
        "first": spans[0][0] / characters if spans else None,
        "quarters": [quarters[quarter] for quarter in range(4)],
    }
