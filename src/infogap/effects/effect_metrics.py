"""What is compared between privileges: score, length, markers by each lexicon, and what the gap stage scored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A number that every trace has; `lexicon` says by which one markers are counted.

    score: 1 where the verdict is `correct`, else 0. length: tokens, or words where some tokens are not known.
    epistemic_count: markers. epistemic_density: markers per 1,000 of the unit of length. gap_per_token and surprisal:
    nats per token, of traces that are scored. Any other name is a column of one of the recipe's own measures.
    """

    name: str
    lexicon: str | None = None

    @property
    def column(self) -> str:
        return self.name if self.lexicon is None else f"{self.name} {self.lexicon}"


SCORE, LENGTH = Quantity("score"), Quantity("length")


SCORED = (Quantity("gap_per_token"), Quantity("surprisal"))


def quantities(lexicons: list[str], measured: list[str], *, scored: bool) -> list[Quantity]:
    """Everything that is compared, in the order in which it is shown."""
    markers = [
        quantity
        for lexicon in lexicons
        for quantity in (Quantity("epistemic_count", lexicon), Quantity("epistemic_density", lexicon))
    ]
    return [SCORE, LENGTH, *markers, *map(Quantity, measured), *(SCORED if scored else ())]
