"""How a MinHash signature is cut into bands, so that similar texts meet in a bucket."""

from __future__ import annotations

from dataclasses import dataclass

RECALL = 0.995  # the least probability with which a pair exactly at the threshold is found


@dataclass(frozen=True)
class Bands:
    """`count` bands of `rows` signature values each; two texts meet if they agree in a whole band."""

    count: int
    rows: int

    def recall(self, similarity: float) -> float:
        """Probability that two texts of this Jaccard similarity meet: 1 - (1 - s^rows)^count.

        Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, section 3.4.2.
        """
        return float(1 - (1 - similarity**self.rows) ** self.count)


def choose_bands(threshold: float, num_perm: int) -> Bands:
    """The longest bands (so the fewest needless comparisons) that find a pair at the threshold with `RECALL`.

    Where `num_perm` is too small for that, bands of one row, which find as many as can be found.
    """
    for rows in range(num_perm // 2, 1, -1):  # two bands at least: datasketch takes no fewer
        bands = Bands(num_perm // rows, rows)
        if bands.recall(threshold) >= RECALL:
            return bands
    return Bands(num_perm, 1)
