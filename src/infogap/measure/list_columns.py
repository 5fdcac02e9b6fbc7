"""Make a column of lists from flat values: Polars takes long to infer nested lists of rows."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray


def lists_of(lengths: NDArray[np.int64], values: pl.Series) -> pl.Series:
    """Cut values into lists of these lengths, one per row."""
    import pyarrow as pa

    # `pa.array` would import pandas wherever it is installed, which takes longer than measuring a hundred traces.
    offsets = pl.Series(np.concatenate([[0], np.cumsum(lengths)]), dtype=pl.Int32).to_arrow()
    return pl.Series(pa.ListArray.from_arrays(offsets, values.to_arrow(compat_level=pl.CompatLevel.oldest())))
