"""Text that every file can hold."""

from __future__ import annotations


def utf8(text: str) -> str:
    """The text with a question mark for every lone surrogate: JSON may hold half a pair, and no UTF-8 file can."""
    return text.encode("utf-8", "replace").decode("utf-8")
