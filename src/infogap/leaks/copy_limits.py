"""How long a copied passage has to be: in a module of its own, as the digest of the scan needs no search."""

NGRAM = 8
"""Words per n-gram."""
LEAKING_RUN = 12
"""Consecutive copied words that are a leak if `LEAKING_PROSE` of them are words and not symbols or numbers."""
LEAKING_PROSE = 9
