"""What a search has found, on disk: another threshold above it, or another rule of who stays, needs no new one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from infogap.atomic_files import write_text
from infogap.dedupe.similar_pairs import Pairs
from infogap.runs.run_folder import write_part

FOLDER = "cache"
_COLUMNS = ("group", "later", "earlier", "jaccard", "agreed")


@dataclass(frozen=True)
class Found:
    """Which text each row has (-1: none), and the near-duplicate pairs of texts."""

    text_of_row: NDArray[np.int64]
    sizes: NDArray[np.int64]  # n-grams of each text
    pairs: Pairs
    threshold: float
    cut: int  # searches that were given up: what they would have found is not there


def load(folder: Path, key: str, threshold: float) -> Found | None:
    """What was found under this key at this threshold or below; None where there is no such thing."""
    try:
        about = orjson.loads((folder / "found.json").read_bytes())
        if about["key"] != key or about["threshold"] > threshold or (about["cut"] and about["threshold"] != threshold):
            return None
        rows, texts, pairs = (pl.read_parquet(folder / f"{name}.parquet") for name in ("rows", "texts", "pairs"))
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        return None
    group, later, earlier, jaccard, agreed = (pairs[name].to_numpy() for name in _COLUMNS)
    near = Pairs(group, later, earlier, jaccard, agreed)
    return Found(rows["text"].to_numpy(), texts["ngrams"].to_numpy(), near, about["threshold"], about["cut"])


def store(folder: Path, key: str, found: Found) -> None:
    """Keep what was found in place of what was before. Raises WorldError where the disk refuses."""
    about: dict[str, Any] = {"key": key, "threshold": found.threshold, "cut": found.cut}
    (folder / "found.json").unlink(missing_ok=True)
    near = found.pairs
    write_part(folder / "rows.parquet", pl.DataFrame({"text": found.text_of_row}))
    write_part(folder / "texts.parquet", pl.DataFrame({"ngrams": found.sizes}))
    columns = {"group": near.groups, "later": near.later, "earlier": near.earlier, "jaccard": near.jaccard}
    agreed = pl.Series("agreed", near.agreed, pl.Array(pl.UInt8, near.agreed.shape[1]))
    write_part(folder / "pairs.parquet", pl.DataFrame(columns).with_columns(agreed))
    write_text(folder / "found.json", orjson.dumps(about).decode() + "\n")
