"""The stage `dedupe`: traces -> duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.console import progress
from infogap.dedupe.bands import RECALL, Bands, choose_bands
from infogap.dedupe.keep import Removal, Row, removals
from infogap.dedupe.minhash import SCHEME, SEED, Signature, Signatures, share_a_band, signatures
from infogap.dedupe.shingles import Shingles, normalised, shingles
from infogap.recipe.sections import Dedupe
from infogap.run import Run
from infogap.schema import DUPLICATES, TASKS, TRACES
from infogap.stage import Outcome, Stage

_ORDER = ("task_id", "privilege", "sample", "trace_id")


def part(run: Run) -> dict[str, Any]:
    """What the duplicates depend on besides the traces."""
    settings = run.recipe.dedupe
    return {"dedupe": settings and settings.model_dump(mode="json", by_alias=True)}


def make(run: Run) -> Outcome:
    """Find the duplicates among a run's traces and write the table `duplicates`.

    Texts are read part by part; what stays in memory is a signature per different text, and the n-grams of
    those texts whose signatures say that they may have near-duplicates.
    """
    settings = run.recipe.dedupe
    if settings is None:
        with run.rewrite(DUPLICATES):
            pass
        return Outcome(0, {"kept": run.rows(TRACES)})
    bands = choose_bands(settings.threshold, settings.num_perm)
    traces, table, left_out = _read(run, settings)
    suspects = _suspects(_grouped(run, traces, settings.scope), table, bands)
    sets = _shingle_sets(run, traces, suspects, settings.ngram)
    found = sorted(_search(suspects, table, sets, bands, settings.threshold), key=lambda removal: removal.trace_id)
    with run.rewrite(DUPLICATES) as out:
        out.write(DUPLICATES.frame([vars(removal) for removal in found]))
    hows = Counter(removal.how for removal in found)
    counts = {
        "exact": hows["exact"],
        "minhash": hows["minhash"],
        "kept": traces.height - len(found),
        "error": left_out["error"],
        "empty": left_out["empty"],
        "signature": {"scheme": SCHEME, "seed": SEED, "bands": bands.count, "rows": bands.rows},
    }
    return Outcome(len(found), counts, list(_notes(settings, bands, left_out)))


STAGE = Stage("dedupe", ("duplicates",), ("tasks", "traces"), 1, part, make)


def _read(run: Run, settings: Dedupe) -> tuple[pl.DataFrame, Signatures, Counter[str]]:
    """Every comparable trace with the index of its text (in the order they are stored), a signature per
    different text, and how many traces were left out, why."""
    texts: dict[bytes, int] = {}
    kept: list[pl.DataFrame] = []
    rows: list[Signatures] = [np.empty((0, settings.num_perm), dtype=np.uint32)]
    left_out: Counter[str] = Counter()
    with progress("dedupe", run.rows(TRACES), "traces") as advance:
        for frame in run.parts(TRACES):
            comparable = _comparable(frame)
            left_out["error"] += frame["error"].count()
            left_out["empty"] += frame["error"].null_count() - comparable.height
            indices, new = [], []
            for text in map(normalised, comparable["text"]):
                digest = blake2b(text.encode(), digest_size=16).digest()
                if digest not in texts:
                    texts[digest] = len(texts)
                    new.append(shingles(text, settings.ngram))
                indices.append(texts[digest])
            kept.append(comparable.select(*_ORDER, text=pl.Series(indices, dtype=pl.Int64)))
            made: list[Signature] = list(signatures(new, settings.num_perm))
            rows += [np.stack(made)] if made else []
            advance(frame.height)
    columns = {**{name: TRACES.schema[name] for name in _ORDER}, "text": pl.Int64()}
    return pl.concat([pl.DataFrame(schema=columns), *kept]), np.concatenate(rows), left_out


def _comparable(traces: pl.DataFrame) -> pl.DataFrame:
    """The traces that have a text, in their order, with it."""
    text = pl.concat_str("reasoning", "response", separator="\n", ignore_nulls=True)
    return traces.filter(pl.col("error").is_null()).with_columns(text=text).filter(pl.col("text").str.contains(r"\S"))


def _grouped(run: Run, traces: pl.DataFrame, scope: str) -> pl.DataFrame:
    """The traces in the order in which the first of two duplicates stays, `group` by `group`."""
    if scope == "task":
        ordered = traces.sort(_ORDER)
        return ordered.with_columns(group=pl.struct("task_id", "privilege").rle_id().cast(pl.Int64))
    if scope == "family":
        families = run.scan(TASKS).select("task_id", "family").collect()
        traces = traces.join(families, on="task_id", how="left")
        group = pl.col("family").fill_null("").rank("dense").cast(pl.Int64)
    else:
        group = pl.lit(0, dtype=pl.Int64)
    return traces.with_columns(group=group).sort("group", *_ORDER)


def _suspects(traces: pl.DataFrame, table: Signatures, bands: Bands) -> pl.DataFrame:
    """The traces that may have a duplicate in their group; `near` says whether by likeness or only by copy."""
    different = traces.select("group", "text").unique(maintain_order=True)
    texts = different["text"].to_numpy()
    near = share_a_band(table[texts], different["group"].to_numpy(), bands)
    marked = traces.join(different.with_columns(near=pl.Series(near)), on=["group", "text"], maintain_order="left")
    return marked.filter(pl.col("near") | (pl.len().over("group", "text") > 1))


def _shingle_sets(run: Run, traces: pl.DataFrame, suspects: pl.DataFrame, ngram: int) -> dict[int, Shingles]:
    """The n-grams of the texts that may have near-duplicates: the texts are read again, in the same order."""
    wanted: set[int] = set(suspects.filter("near")["text"])
    found: dict[int, Shingles] = {}
    if not wanted:
        return found
    indices: NDArray[np.int64] = traces["text"].to_numpy()
    start = 0
    for frame in run.parts(TRACES):
        comparable = _comparable(frame)["text"]
        for index, text in zip(indices[start : start + len(comparable)].tolist(), comparable, strict=True):
            if index in wanted and index not in found:
                found[index] = shingles(normalised(text), ngram)
        start += len(comparable)
    return found


def _search(
    suspects: pl.DataFrame, table: Signatures, sets: dict[int, Shingles], bands: Bands, threshold: float
) -> Iterator[Removal]:
    rows = map(Row._make, suspects.select(*Row._fields).iter_rows())
    with progress("compare", suspects.height, "traces") as advance:
        yield from removals((_counted(row, advance) for row in rows), table, sets, bands, threshold)


def _counted(row: Row, advance: Any) -> Row:
    advance()
    return row


def _notes(settings: Dedupe, bands: Bands, left_out: Counter[str]) -> Iterator[str]:
    if left_out["error"]:
        yield f"{left_out['error']:,} traces have an error and were not compared (see `error` in traces)"
    if left_out["empty"]:
        yield f"{left_out['empty']:,} traces have no text and were not compared"
    recall = bands.recall(settings.threshold)
    if recall < RECALL:
        yield (
            f"with {settings.num_perm} permutations a pair at the threshold {settings.threshold:g} is found with "
            f"probability {recall:.2f} only; raise dedupe.num_perm"
        )
