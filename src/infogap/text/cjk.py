"""Chinese and Japanese stand without spaces between words: which characters those are."""

from __future__ import annotations

import re

IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Chinese characters and kana, inside [...]
_ONE = re.compile(f"[{IDEOGRAPH}]")


def has_ideograph(text: str) -> bool:
    """Whether a text holds Chinese characters or kana."""
    return _ONE.search(text) is not None


def without_ideographs(text: str) -> str:
    """The text with a full stop in place of each such character."""
    return _ONE.sub(".", text)
