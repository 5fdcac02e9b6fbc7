"""The dedupe stage: find near-duplicate traces and write the table `duplicates`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from infogap.console import progress
from infogap.dedupe.corpus import Corpus
from infogap.dedupe.corpus_batches import Held
from infogap.dedupe.minhash import RECALL, SCHEME, SEED, Bands, candidates, choose_bands
from infogap.dedupe.signed_batches import KnownSignatures
from infogap.dedupe.similar_pairs import FOLDER, Search, load, similar, store
from infogap.dedupe.text_duplicates import Removal, Rows, removals
from infogap.ids import digest, file_digest
from infogap.recipe import Recipe
from infogap.recipe.dedupe_section import Compare, Dedupe, Keep
from infogap.runs.block_cache import block_cache
from infogap.runs.run_folder import Run, check_part, read_part
from infogap.runs.stage import Outcome, Stage
from infogap.schema import DERIVED, DUPLICATES, MEASURES, TASKS, TRACE_TURNS, TRACES, VERDICTS
from infogap.text.spoken_turns import read_turns, tool_calls

_FIRST = ("task_id", "privilege", "sample", "trace_id")


@dataclass(frozen=True)
class PartTexts:
    """The compared texts of one part of the traces, or of the tasks where questions are compared."""

    path: Path
    compare: Compare
    rows: int
    turns: Path | None = None  # the folder of the turns of traces that call tools, if there are any

    @property
    def key(self) -> str:
        """A digest of the part, and of which of its texts these are."""
        return digest([file_digest(self.path), self.compare])

    def texts(self) -> pl.Series:
        """Read the texts; null for a trace with an error."""
        if self.compare == "question":
            return read_part(self.path, TASKS)["question"]
        columns = ("reasoning", "response") if self.compare == "both" else (self.compare,)
        text = pl.concat_str(*columns, separator="\n", ignore_nulls=True)
        part = read_part(self.path, TRACES)
        if self.turns is not None and self.compare == "both":
            text = pl.concat_str(text, _calls(part, self.turns), separator="\n", ignore_nulls=True)
        return part.select(text=pl.when(pl.col("error").is_null()).then(text))["text"]

    def __reduce__(self) -> tuple[type[Held], tuple[pl.Series]]:
        return Held, (self.texts(),)


def _calls(part: pl.DataFrame, folder: Path) -> pl.Series:
    """Return the calls of each trace as text: traces that say the same and call other tools are no duplicates."""
    turns = pl.scan_parquet(folder / "part-*.parquet").join(part.lazy().select("trace_id"), on="trace_id", how="semi")
    calls = {trace_id: tool_calls(read_turns(written)) for trace_id, written, _ in turns.collect().iter_rows()}
    return pl.Series("calls", [calls.get(trace_id) for trace_id in part["trace_id"]], dtype=pl.String)


def texts(run: Run, settings: Dedupe) -> Iterator[PartTexts]:
    """Yield the compared texts of all traces, or of all tasks, part by part."""
    turns = (run.path / TRACE_TURNS.name).resolve() if run.recipe.imports and run.rows(TRACE_TURNS) else None
    for path in run.part_paths(TASKS if settings.compare == "question" else TRACES):
        check_part(path)
        rows = int(pl.scan_parquet(path).select(pl.len()).collect().item())
        yield PartTexts(path.resolve(), settings.compare, rows, turns)


def compared(run: Run, settings: Dedupe) -> pl.DataFrame:
    """Return a row per text, in the texts' order.

    Columns: `id`, `task_id`, `privilege`, `group` (the number of the group within which duplicates are sought) and
    `rank` (of two duplicates the one with the lower rank is kept).
    """
    tasks = run.scan(TASKS).select("task_id", "family").collect()
    if settings.compare == "question":
        ids = pl.concat([TASKS.empty().select("task_id"), *(part.select("task_id") for part in run.parts(TASKS))])
        rows = ids.with_columns(trace_id="task_id", privilege=pl.lit(""), sample=pl.lit(0, pl.Int64))
    else:
        rows = pl.concat([TRACES.empty().select(_FIRST), *(part.select(_FIRST) for part in run.parts(TRACES))])
    rows = rows.join(tasks, on="task_id", how="left", maintain_order="left")
    within = {"task": ["task_id", "privilege"], "family": ["family"], "all": []}[settings.scope]
    return rows.select(
        "task_id",
        "privilege",
        id="trace_id",
        group=_codes(rows, within),
        rank=_ranks(run, rows, settings.keep),
    )


def _codes(rows: pl.DataFrame, columns: list[str]) -> pl.Series:
    """Number the rows, equally where these columns are equal."""
    if not columns:
        return pl.zeros(rows.height, pl.Int64, eager=True)
    different = rows.select(columns).unique(maintain_order=True).with_row_index("code")
    return rows.join(different, on=columns, how="left", nulls_equal=True, maintain_order="left")["code"].cast(pl.Int64)


def _ranks(run: Run, rows: pl.DataFrame, keep: Keep) -> pl.Series:
    """Rank the rows; of two duplicates the one with the lower rank is kept."""
    key = {
        "first": pl.lit(0),
        "longest": pl.lit(0),  # `ordered` sorts by length first, which is known once the texts are read
        "most_uncertain": -pl.col("epistemic_density").fill_null(-1.0),
        "correct_first": (pl.col("verdict") != "correct").fill_null(value=True),
    }[keep]
    known = rows
    if keep == "most_uncertain":
        measures = run.scan(MEASURES).select("trace_id", "epistemic_density").collect()
        known = rows.join(measures, on="trace_id", how="left", maintain_order="left")
    if keep == "correct_first":
        verdicts = run.scan(VERDICTS).select("trace_id", "verdict").collect()
        known = rows.join(verdicts, on="trace_id", how="left", maintain_order="left")
    order = known.with_row_index().select("index", *_FIRST, key=key).sort("key", *_FIRST)["index"]
    return order.arg_sort().cast(pl.Int64)


def ordered(rows: pl.DataFrame, text_of_row: np.ndarray, sizes: np.ndarray, keep: Keep) -> Rows:
    """Return the rows that have a text, in the order of preference; `sizes` are n-grams by text."""
    given = np.flatnonzero(text_of_row >= 0)
    ranks = rows["rank"].to_numpy()[given]
    keys = (ranks, -sizes[text_of_row[given]]) if keep == "longest" else (ranks,)
    ids = given[np.lexsort(keys)]
    codes = (rows["group"], _codes(rows, ["task_id"]), _codes(rows, ["privilege"]))
    group, task, privilege = (code.to_numpy()[ids] for code in codes)
    return Rows(ids, group, text_of_row[ids], task, privilege)


VERSION = 3


def part(run: Run) -> dict[str, Any]:
    """Return what the duplicates depend on besides the traces."""
    settings = run.recipe.dedupe
    return {"dedupe": settings and settings.model_dump(mode="json", by_alias=True)}


def make(run: Run) -> Outcome:
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


def _inputs(recipe: Recipe) -> tuple[str, ...]:
    """Return measures or verdicts as inputs, only if the recipe's `keep` needs them."""
    keep = recipe.dedupe.keep if recipe.dedupe else "first"
    return {"most_uncertain": (MEASURES.name,), "correct_first": (VERDICTS.name,)}.get(keep, ())


STAGE = Stage("dedupe", ("duplicates",), ("tasks", "traces"), VERSION, part, make, inputs_by=_inputs)
