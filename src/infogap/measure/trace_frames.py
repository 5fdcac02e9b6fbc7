"""Build the frame that measures read: the traces with what is known of their task, their context and their scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from infogap.ids import digest, file_digest
from infogap.measure.leak_columns import MAY_HAVE_SEEN
from infogap.measure.trace_contexts import ContextTexts
from infogap.measure.turn_pieces import TURNS
from infogap.privileges.ladder import privileges_by_label, solution_stands_for_context
from infogap.runs.former_rows import frame_digest
from infogap.runs.rows_by_key import rows_of
from infogap.runs.run_folder import Run, read_columns, read_part
from infogap.schema import GAPS, TASKS, TOKENS, TRACE_TURNS, TRACES
from infogap.text.text_batch import measured_text, word_counts

OF_GAPS = ("gap", "gap_per_token", "surprisal", "rsr")
_OF_TRACES = (
    *("trace_id", "task_id", "privilege", "teacher", "context_id", "reasoning", "response"),
    *("finish_reason", "completion_tokens", "error"),
)
_KEYS = ("context_id", "trace_id", "task_id")


@dataclass(frozen=True)
class TracePart:
    """A part of a run's traces, and the tables that its traces refer to."""

    path: Path
    keys: pl.DataFrame  # of its traces
    _tables: _Tables

    @property
    def rows(self) -> int:
        return self.keys.height

    def digest(self) -> str:
        """Return a digest of the part, and of the tasks, contexts and scores of its traces."""
        return digest([file_digest(self.path), frame_digest(*self._tables.rows(self.keys))])

    def frames(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield its traces, `rows` at a time, with all columns of the frame but those that `with_texts` adds."""
        frame = read_part(self.path, TRACES).select(_OF_TRACES)
        contexts, *others = self._tables.rows(frame)
        frame = frame.join(contexts, on="context_id", how="left", maintain_order="left")
        keys = ["trace_id", "trace_id", "task_id", *(["trace_id"] if self._tables.turns is not None else [])]
        for table, key in zip(others, keys, strict=True):
            frame = frame.join(table, on=key, how="left", maintain_order="left")
        unguided, showing = self._tables.unguided, self._tables.showing
        unknown = pl.col("context_id").is_null() & ~pl.col("privilege").is_in(unguided) & bool(showing)
        shows = pl.col("privilege").is_in(showing)
        frame = frame.with_columns(
            pl.when(unknown & ~shows).then("solution").alias(MAY_HAVE_SEEN),
            context=pl.when(unknown & shows).then("solution").otherwise("context"),
        )
        yield from frame.drop("context_id", "solution").iter_slices(rows)


@dataclass(frozen=True)
class _Tables:
    """What traces refer to, each table sorted by its key."""

    contexts: ContextTexts
    forks: pl.DataFrame
    scores: pl.DataFrame
    tasks: pl.DataFrame
    unguided: list[str]
    showing: list[str]
    turns: pl.DataFrame | None  # None if no trace has several

    def rows(self, keys: pl.DataFrame) -> list[pl.DataFrame]:
        """Return the rows that some traces refer to: of contexts, forks, scores, tasks and, if there are any, turns.

        Each is sorted by its key.
        """
        return [
            self.contexts.read(keys["context_id"]).sort("context_id"),
            rows_of(self.forks, "trace_id", keys["trace_id"]),
            rows_of(self.scores, "trace_id", keys["trace_id"]),
            rows_of(self.tasks, "task_id", keys["task_id"]),
            *([rows_of(self.turns, "trace_id", keys["trace_id"])] if self.turns is not None else []),
        ]


@contextmanager
def trace_parts(run: Run) -> Iterator[Iterator[TracePart]]:
    """Open a run's traces, part by part.

    The context of an imported trace is the task's solution where its privilege shows it and the source has no context.
    Under any other privilege than the student's prompt, the solution is then in `may_have_seen`.
    """
    with ContextTexts.of(run) as texts:
        tables = _Tables(
            texts,
            fork_rates(run, run.recipe.measure.fork_entropy).sort("trace_id"),
            _scores(run),
            run.scan(TASKS).select("task_id", "question", "answer", "solution").collect().sort("task_id"),
            unguided_labels(run),
            list(solution_stands_for_context(run.recipe)),
            _turns(run),
        )
        yield (TracePart(path, read_columns(path, list(_KEYS)), tables) for path in run.part_paths(TRACES))


def unguided_labels(run: Run) -> list[str]:
    """Return the labels of the privileges under which a teacher sees the student's prompt alone."""
    return [label for label, privilege in privileges_by_label(run.recipe).items() if privilege.is_unguided]


def with_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `text`; that of a failed request is empty."""
    texts = [
        "" if error is not None else measured_text(reasoning, response)
        for reasoning, response, error in frame.select("reasoning", "response", "error").iter_rows()
    ]
    return frame.with_columns(pl.Series("text", texts, pl.String))


def with_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `text`, `words` and `reasoning_words`; the text of a failed request is empty."""
    frame = with_text(frame)
    texts = frame["text"].to_list()
    ends = [len(reasoning or "") if text else 0 for reasoning, text in zip(frame["reasoning"], texts, strict=True)]
    reasoning_words = word_counts([text[:end] for text, end in zip(texts, ends, strict=True)])
    response_words = word_counts([text[end:] for text, end in zip(texts, ends, strict=True)])
    # A line break separates reasoning and response, so their words add up.
    words = [first + second for first, second in zip(reasoning_words, response_words, strict=True)]
    return frame.with_columns(
        pl.Series("words", words, pl.Int64),
        pl.Series("reasoning_words", reasoning_words, pl.Int64),
    )


def fork_rates(run: Run, threshold: float) -> pl.DataFrame:
    """Return the share of each trace's tokens whose entropy (nats) is above the threshold: `trace_id`, `fork_rate`.

    A fork is a token at which the teacher was undecided. Only traces with recorded entropies have a row.
    """
    above = pl.col("entropies").list.eval((pl.element() > threshold).cast(pl.Float64)).list.mean()
    return run.scan(TOKENS).select("trace_id", fork_rate=above).drop_nulls("fork_rate").collect()


def _turns(run: Run) -> pl.DataFrame | None:
    if not run.recipe.imports or not run.rows(TRACE_TURNS):
        return None
    return run.scan(TRACE_TURNS).select("trace_id", TURNS).collect().sort("trace_id")


def _scores(run: Run) -> pl.DataFrame:
    table = run.scan(GAPS)
    if run.recipe.measure.gap is None:  # a table that still exists belongs to another recipe
        table = table.clear()
    return table.select("trace_id", *OF_GAPS).collect().sort("trace_id")
