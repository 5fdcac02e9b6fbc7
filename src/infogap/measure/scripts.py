"""Chinese and Japanese stand without spaces between words: which characters those are, and what words are then."""

from __future__ import annotations

import re

IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Chinese characters and kana, inside [...]
LETTER = rf"[^\W{IDEOGRAPH}]"  # what words are made of elsewhere; a digit and an underscore too
_HAS_IDEOGRAPH = re.compile(f"[{IDEOGRAPH}]")


def has_ideograph(text: str) -> bool:
    """Whether a text holds Chinese characters or kana."""
    return _HAS_IDEOGRAPH.search(text) is not None
