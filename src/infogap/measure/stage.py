"""The measure stage: build the frame that measures read, run each of them, and write the table `measures`."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from infogap import __version__
from infogap.console import progress
from infogap.leaks import ContextKind, leaks_digest
from infogap.measure.leak_columns import MAY_HAVE_SEEN
from infogap.measure.lexicon import SHIPPED, load
from infogap.measure.load_measures import Measure, measures_table, named_measures, own_measures
from infogap.measure.trace_contexts import ContextTexts, rows_of
from infogap.parallel.ordered import processes_in_order
from infogap.privileges.ladder import privileges_by_label, solution_stands_for_context
from infogap.runs.former_rows import FormerRows, former_rows, row_keys
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import BAND_NAMES, CONTEXTS, GAPS, MEASURES, TASKS, TOKENS, TRACES
from infogap.text.text_batch import measured_text, word_counts

_OF_TRACES = (
    *("trace_id", "task_id", "privilege", "teacher", "context_id", "reasoning", "response"),
    *("finish_reason", "completion_tokens", "error"),
)
_OF_GAPS = ("gap", "gap_per_token", "surprisal", "rsr")

_AT_ONCE = 500  # traces sent to a worker at a time
_WORTH_WORKERS = 2_000  # traces: fewer are measured faster than workers start


@dataclass(frozen=True)
class FrameColumns:
    """A measure whose values are columns of the frame already."""

    columns: Mapping[str, Any]
    version: int = 1

    @classmethod
    def named(cls, *names: str) -> FrameColumns:
        return cls({name: MEASURES.schema[name] for name in names})

    def measure(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(list(self.columns))


LENGTHS = FrameColumns.named("words", "reasoning_words")
FORKS = FrameColumns.named("fork_rate")
GAP = FrameColumns.named(*_OF_GAPS)


def trace_frames(run: Run, rows: int) -> Iterator[pl.DataFrame]:
    """Yield a run's traces, `rows` at a time, with all columns of the frame but those that `with_texts` adds.

    The context of an imported trace is the task's solution where its privilege shows it and the source has no context.
    Under any other privilege than the student's prompt, the solution is then in `may_have_seen`.
    """
    tasks = run.scan(TASKS).select("task_id", "question", "answer", "solution").collect().sort("task_id")
    showing, unguided = solution_stands_for_context(run.recipe), _unguided(run)
    forks = fork_rates(run, run.recipe.measure.fork_entropy).sort("trace_id")
    scores = _scores(run)
    with ContextTexts.of(run) as texts:
        for part in run.parts(TRACES):
            frame = part.select(_OF_TRACES)
            frame = frame.join(texts.read(part["context_id"]), on="context_id", how="left", maintain_order="left")
            for table, key in ((forks, "trace_id"), (scores, "trace_id"), (tasks, "task_id")):
                frame = frame.join(rows_of(table, key, part[key]), on=key, how="left", maintain_order="left")
            unknown = pl.col("context_id").is_null() & ~pl.col("privilege").is_in(unguided) & bool(showing)
            shows = pl.col("privilege").is_in(showing)
            frame = frame.with_columns(
                pl.when(unknown & ~shows).then("solution").alias(MAY_HAVE_SEEN),
                context=pl.when(unknown & shows).then("solution").otherwise("context"),
            )
            yield from frame.drop("context_id", "solution").iter_slices(rows)


def with_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `text`, `words` and `reasoning_words`; the text of a failed request is empty."""
    texts = [
        "" if error is not None else measured_text(reasoning, response)
        for reasoning, response, error in frame.select("reasoning", "response", "error").iter_rows()
    ]
    ends = [len(reasoning or "") if text else 0 for reasoning, text in zip(frame["reasoning"], texts, strict=True)]
    reasoning_words = word_counts([text[:end] for text, end in zip(texts, ends, strict=True)])
    response_words = word_counts([text[end:] for text, end in zip(texts, ends, strict=True)])
    # A line break separates reasoning and response, so their words add up.
    words = [first + second for first, second in zip(reasoning_words, response_words, strict=True)]
    return frame.with_columns(
        pl.Series("text", texts, pl.String),
        pl.Series("words", words, pl.Int64),
        pl.Series("reasoning_words", reasoning_words, pl.Int64),
    )


def fork_rates(run: Run, threshold: float) -> pl.DataFrame:
    """Return the share of each trace's tokens whose entropy (nats) is above the threshold: `trace_id`, `fork_rate`.

    A fork is a token at which the teacher was undecided. Only traces with recorded entropies have a row.
    """
    above = pl.col("entropies").list.eval((pl.element() > threshold).cast(pl.Float64)).list.mean()
    return run.scan(TOKENS).select("trace_id", fork_rate=above).drop_nulls("fork_rate").collect()


def _scores(run: Run) -> pl.DataFrame:
    table = run.scan(GAPS)
    if run.recipe.measure.gap is None:  # a table that still exists belongs to another recipe
        table = table.clear()
    return table.select("trace_id", *_OF_GAPS).collect().sort("trace_id")


@dataclass(frozen=True)
class Measuring:
    """The measures of a run, and the columns of its table `measures`."""

    measures: Sequence[Measure]
    empty: pl.DataFrame

    @classmethod
    def of(cls, run: Run) -> Measuring:
        return cls([*own_measures(run), *named_measures(run)], measures_table(run).empty())

    def rows(self, traces: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of `measures` for a frame of `trace_frames`, in its order."""
        if traces.is_empty():
            return self.empty
        frame = with_texts(traces)
        measured = [frame.select("trace_id"), *(measure.measure(frame) for measure in self.measures)]
        return pl.concat(measured, how="horizontal").select(self.empty.columns)


def _part(run: Run) -> dict[str, Any]:
    names = run.recipe.measure.lexicons
    # A file that is gone since the traces were measured by it: what it holds is not known any more.
    gone = [name not in SHIPPED and not run.resolve(name).is_file() for name in names]
    lexicons = [None if lost else load(name, run.resolve) for name, lost in zip(names, gone, strict=True)]
    # The gap is a stage of its own, whose settings change its table, which is an input here.
    part = run.recipe.measure.model_dump(mode="json", by_alias=True, exclude={"gap"}) | {
        "lexicon_contents": [None if lexicon is None else lexicon.digest for lexicon in lexicons],
        "self_corrections": load("infogap", run.resolve).digest,
        "leaks": leaks_digest(),
    }
    if showing := solution_stands_for_context(run.recipe):
        part["solution_stands_for_context"] = showing
    named = named_measures(run)
    return part | ({"measures": [measure.identity for measure in named]} if named else {})


def _make(run: Run) -> Outcome:
    traces = run.rows(TRACES)
    table = measures_table(run)
    bands, leaking = Counter[str | None](), 0
    with (
        former_rows(run, table, _settings(run)) as former,
        run.rewrite(table) as out,
        progress("measure", traces, "traces") as advance,
    ):
        for measured in _measured(run, former, traces):
            out.write(measured)
            bands.update(measured["band"])
            leaking += int(measured["leak"].sum())
            advance(measured.height)
    counts = {band: bands[band] for band in BAND_NAMES} | {"without_text": bands[None], "leaks": leaking}
    return Outcome(out.rows, counts, list(_notes(run)))


def _settings(run: Run) -> list[Any]:
    """Return everything but a trace's own row that its measures depend on."""
    kinds = {label: repr(ContextKind.of(privilege)) for label, privilege in privileges_by_label(run.recipe).items()}
    return [STAGE.version, _part(run), kinds, __version__, pl.__version__]


def _measured(run: Run, former: FormerRows, traces: int) -> Iterator[pl.DataFrame]:
    """Yield the rows of `measures` in the order of the traces; those of traces that were measured before are reused.

    A measure that the recipe names may look at all rows of its frame: then every trace is measured.
    """
    known = deque[tuple[np.ndarray, pl.DataFrame]]()
    reusing = not named_measures(run)

    def new_ones() -> Iterator[pl.DataFrame]:
        for frame in trace_frames(run, _AT_ONCE):
            keys = row_keys(frame.iter_rows())
            found, rows = former.find(keys) if reusing else (np.zeros(frame.height, bool), frame.clear())
            former.note(keys)
            known.append((found, rows))
            yield frame.filter(~found)

    left = max(traces - former.rows, 1) if reusing else traces
    slices = -(-left // _AT_ONCE) if left > _WORTH_WORKERS else 1
    for measured in processes_in_order(Measuring.of(run).rows, new_ones(), slices):
        found, rows = known.popleft()
        if not found.any():
            yield measured
        else:
            order = np.argsort(np.concatenate([np.flatnonzero(found), np.flatnonzero(~found)]))
            yield pl.concat([rows, measured])[order]


def _notes(run: Run) -> Iterator[str]:
    """Note traces that were compared with no context, as the source does not say what their teacher saw."""
    if not run.recipe.imports:
        return
    known = run.scan(TASKS).filter(pl.col("solution").is_not_null(), bool(solution_stands_for_context(run.recipe)))
    unknown = run.scan(TRACES).filter(
        pl.col("context_id").is_null(), ~pl.col("privilege").is_in(_unguided(run)), pl.col("error").is_null()
    )
    counts = unknown.join(known, on="task_id", how="anti").group_by("privilege").len().sort("privilege").collect()
    if counts.height:
        named = ", ".join(f"{label} {traces:,}" for label, traces in counts.iter_rows())
        yield (
            "what their teacher saw is not known, so they were searched for the words of leaks, and not for copies: "
            f"{named}; to compare them, map `context`, or `solution`"
        )


def _unguided(run: Run) -> list[str]:
    return [label for label, privilege in privileges_by_label(run.recipe).items() if privilege.is_unguided]


def _ready(run: Run) -> None:
    for name in run.recipe.measure.lexicons:
        load(name, run.resolve)
    named_measures(run)


STAGE = Stage(
    "measure", (MEASURES.name,), (TASKS.name, CONTEXTS.name, TRACES.name, GAPS.name), 13, _part, _make, ready=_ready
)
