"""Near-duplicate traces: found by MinHash, confirmed by their exact Jaccard similarity."""

from infogap.dedupe.stage import STAGE

__all__ = ["STAGE"]
