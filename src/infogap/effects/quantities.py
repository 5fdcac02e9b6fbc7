"""What is compared between privileges: score, length, and for each lexicon the count of markers and their density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Quantity:
    """A number that every trace has; `lexicon` says by which one markers are counted.

    score: 1 where the verdict is `correct`, else 0. length: tokens, or words where some tokens are not known.
    epistemic_count: markers. epistemic_density: markers per 1,000 of the unit of length.
    """

    name: Literal["score", "length", "epistemic_count", "epistemic_density"]
    lexicon: str | None = None

    @property
    def column(self) -> str:
        return self.name if self.lexicon is None else f"{self.name} {self.lexicon}"


SCORE, LENGTH = Quantity("score"), Quantity("length")


def quantities(lexicons: list[str]) -> list[Quantity]:
    """Everything that is compared, in the order in which it is shown."""
    markers = [
        quantity
        for lexicon in lexicons
        for quantity in (Quantity("epistemic_count", lexicon), Quantity("epistemic_density", lexicon))
    ]
    return [SCORE, LENGTH, *markers]
