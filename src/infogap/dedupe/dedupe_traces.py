"""Find near-duplicates among a run's traces, and write the table `duplicates`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from infogap.dedupe.compared_texts import compared, ordered, texts
from infogap.dedupe.corpus import Corpus
from infogap.dedupe.minhash import RECALL, SCHEME, SEED, Bands, candidates, choose_bands
from infogap.dedupe.signed_batches import KnownSignatures
from infogap.dedupe.similar_pairs import FOLDER, Search, load, similar, store
from infogap.dedupe.stage import VERSION
from infogap.dedupe.text_duplicates import Removal, removals
from infogap.ids import digest
from infogap.progress import progress
from infogap.recipe.dedupe_section import Dedupe
from infogap.runs.block_cache import block_cache
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome
from infogap.schema import DERIVED, DUPLICATES, TASKS, TRACES


def dedupe_traces(run: Run) -> Outcome:
    """Find the duplicates among a run's traces and write the table `duplicates`.

    Texts are read part by part. Only a signature per distinct text, and the n-grams of the candidates, are held in
    memory.
    """
    settings = run.recipe.dedupe
    if settings is None:
        with run.rewrite(DUPLICATES):
            pass
        return Outcome(0, {"kept": run.rows(TRACES)})
    bands = choose_bands(settings.threshold, settings.num_perm)
    table = compared(run, settings)
    search = _search(run, settings, table, bands)
    rows = ordered(table, search.text_of_row, search.sizes, settings.keep)
    similar_pairs = search.pairs.reaching(settings.threshold, bands, settings.num_perm)
    removed = list(removals(rows, similar_pairs))
    frame = _frame(run, settings, table, removed)
    with run.rewrite(DUPLICATES) as out:
        out.write(frame)
    counts = _counts(run, settings, frame, search, bands)
    return Outcome(frame.height, counts, list(_notes(settings, bands, search, counts)))


def _search(run: Run, settings: Dedupe, table: pl.DataFrame, bands: Bands) -> Search:
    """Find the pairs at the recipe's threshold, or reuse an earlier search over the same texts at a lower one."""
    folder, key = run.path / DUPLICATES.name / FOLDER, _key(run, settings)
    known = load(folder, key, settings.threshold) if key else None
    if known is not None:
        return known
    signing = [VERSION, SCHEME, SEED, settings.ngram, settings.num_perm]
    with (
        progress("dedupe", table.height, "texts") as advance,
        block_cache(folder / "signatures", signing) as cache,
    ):
        signed = KnownSignatures(cache, lambda part: part.key)
        batches = partial(texts, run, settings)
        corpus = Corpus.read(batches, settings.ngram, settings.num_perm, advance, signed)
    items, _ = ordered(table, corpus.text_of_row, corpus.sizes, settings.keep).items()
    possible = candidates(items, corpus.signatures, bands, settings.threshold)
    pairs = similar(possible, items, corpus, verify=settings.verify)
    pairs = pairs.reaching(settings.threshold, bands, settings.num_perm)
    search = Search(corpus.text_of_row, corpus.sizes, pairs, settings.threshold, possible.cut)
    if key:
        store(folder, key, search)
    return search


def _key(run: Run, settings: Dedupe) -> str | None:
    """Return a digest of what a search depends on besides the threshold; None if a table has no manifest."""
    derived = [DERIVED.name] if run.recipe.derive else []
    manifests = [run.manifest(name) for name in (TASKS.name, TRACES.name, *derived)]
    contents = [manifest.content for manifest in manifests if manifest is not None]
    searched = settings.model_dump(mode="json", exclude={"threshold", "keep"})
    signature = {"scheme": SCHEME, "seed": SEED}
    return digest([VERSION, signature, searched, contents]) if len(contents) == len(manifests) else None


def _frame(run: Run, settings: Dedupe, table: pl.DataFrame, removed: list[Removal]) -> pl.DataFrame:
    """Build the table `duplicates`, sorted by trace_id."""
    ids = table["id"]
    frame = pl.DataFrame(
        {
            "trace_id": ids.gather([removal.row for removal in removed]),
            "duplicate_of": ids.gather([removal.duplicate_of for removal in removed]),
            "jaccard": pl.Series([removal.jaccard for removal in removed], dtype=pl.Float64),
            "how": pl.Series([removal.how for removal in removed], dtype=pl.String),
        }
    )
    if settings.compare == "question":
        frame = _traces_of(run, frame)
    return frame.sort("trace_id")


def _traces_of(run: Run, tasks: pl.DataFrame) -> pl.DataFrame:
    """List every trace of removed tasks as a duplicate of the kept task's first trace, of its privilege if any."""
    order = ("task_id", "privilege", "sample", "trace_id")
    traces = run.scan(TRACES).select(order).collect().sort(order)
    first = traces.group_by("task_id", maintain_order=True).agg(first=pl.col("trace_id").first())
    alike = traces.group_by("task_id", "privilege", maintain_order=True).agg(alike=pl.col("trace_id").first())
    removed = traces.join(tasks.rename({"trace_id": "task_id", "duplicate_of": "kept"}), on="task_id")
    return (
        removed.join(alike, left_on=["kept", "privilege"], right_on=["task_id", "privilege"], how="left")
        .join(first, left_on="kept", right_on="task_id", how="inner")
        .select("trace_id", duplicate_of=pl.coalesce("alike", "first"), jaccard="jaccard", how="how")
    )


def _counts(run: Run, settings: Dedupe, frame: pl.DataFrame, search: Search, bands: Bands) -> dict[str, Any]:
    hows = Counter(frame["how"])
    without_text = int(np.count_nonzero(search.text_of_row < 0))
    failed = left_out = 0
    if settings.compare != "question":
        failed, left_out = int(run.scan(TRACES).select(pl.col("error").count()).collect().item()), without_text
    return {
        "exact": hows["exact"],
        "minhash": hows["minhash"],
        "kept": run.rows(TRACES) - left_out - frame.height,
        "error": failed,
        "empty": without_text - failed,
        "signature": {"scheme": SCHEME, "seed": SEED, "bands": bands.count, "rows": bands.rows},
    }


def _notes(settings: Dedupe, bands: Bands, search: Search, counts: dict[str, Any]) -> Iterator[str]:
    if counts["error"]:
        yield f"{counts['error']:,} traces have an error and were not compared (see `error` in traces)"
    if counts["empty"] > 0:
        what = "tasks" if settings.compare == "question" else "traces"
        yield f"{counts['empty']:,} {what} have no text and were not compared"
    if search.cut:
        yield (
            f"{search.cut:,} searches among very many similar texts were abandoned: some duplicates may "
            "remain; a higher dedupe.threshold or a larger dedupe.ngram avoids this"
        )
    recall = bands.recall(settings.threshold)
    if recall < RECALL:
        yield (
            f"with {settings.num_perm} permutations a pair at the threshold {settings.threshold:g} is found with "
            f"probability {recall:.2f} only; increase dedupe.num_perm"
        )
