"""Batches of the texts that are compared: in files, in memory, or some rows of either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray


class Batch(Protocol):
    """Some rows of a corpus; their texts are read when they are processed, or sent to another machine."""

    @property
    def rows(self) -> int:
        """The number of rows."""

    def texts(self) -> pl.Series:
        """Read their texts; null where a row has none."""


@dataclass(frozen=True)
class Held:
    """Texts in memory. A batch in a file is pickled as these: another machine may lack the file, or have another."""

    held: list[str | None] | pl.Series

    @property
    def rows(self) -> int:
        return len(self.held)

    def texts(self) -> pl.Series:
        return pl.Series(self.held, dtype=pl.String)


@dataclass(frozen=True)
class SomeRows:
    """Some rows of a batch."""

    batch: Batch
    places: NDArray[np.int64]

    @property
    def rows(self) -> int:
        return len(self.places)

    def texts(self) -> pl.Series:
        return self.batch.texts().gather(self.places)

    def __reduce__(self) -> tuple[type[Held], tuple[pl.Series]]:
        return Held, (self.texts(),)
