"""Find near-duplicates by MinHash, confirmed by their exact Jaccard similarity. Open `dedupe_traces.py` first."""

from infogap.dedupe.stage import STAGE

__all__ = ["STAGE"]
