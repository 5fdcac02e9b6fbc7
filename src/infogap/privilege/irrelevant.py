"""Text that says nothing about any task: a control for what more text in the prompt does by itself."""

from __future__ import annotations

from functools import cache
from importlib import resources

from infogap.ids import derived_seed


def irrelevant(length: int, *key: object) -> str:
    """Whole sentences of about `length` characters (at least one), from a place in the text that `key` decides.

    No sentence holds a number, a formula or a word of reasoning.
    """
    sentences = _sentences()
    place = derived_seed("irrelevant", *key) % len(sentences)
    chosen: list[str] = []
    so_far = 0
    while not chosen or so_far + len(sentences[place]) // 2 < length:
        chosen.append(sentences[place])
        so_far += len(sentences[place]) + 1
        place = (place + 1) % len(sentences)
    return " ".join(chosen)


@cache
def _sentences() -> list[str]:
    text = (resources.files("infogap.privilege") / "irrelevant.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]
