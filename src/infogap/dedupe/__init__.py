"""Near-duplicate traces: found by MinHash, confirmed by their exact Jaccard similarity."""
