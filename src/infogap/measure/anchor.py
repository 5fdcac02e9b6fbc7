"""An anchor: a piece of text that markers cannot be without, and that is quick to find."""

from __future__ import annotations

from dataclasses import dataclass, field

from infogap.measure.phrases import Around


@dataclass
class Anchor:
    """What may stand where an anchor is found, each with the place of its lexicon: substrings and phrases."""

    text: str
    substrings: list[tuple[int, str]] = field(default_factory=list)
    phrases: list[tuple[int, Around]] = field(default_factory=list)

    @property
    def plain(self) -> list[tuple[int, str]]:
        """The phrases that are the anchor itself."""
        if not self.text.isascii():
            return []
        return [(index, self.text) for index, around in self.phrases if around.bare and self.text in around.heads]
