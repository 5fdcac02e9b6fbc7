"""Run each measure on the traces, and write the table `measures`; rows of equal traces are reused."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from infogap import __version__
from infogap.leaks.scanned_trace import ContextKind
from infogap.measure.load_measures import measures_table
from infogap.measure.measuring import Measuring, Work, facts
from infogap.measure.stage import STAGE, measure_settings
from infogap.measure.trace_frames import TracePart, trace_parts, unguided_labels
from infogap.parallel.ordered import processes_in_order
from infogap.privileges.ladder import privileges_by_label, solution_stands_for_context
from infogap.progress import progress
from infogap.runs.former_rows import FormerRows, former_rows, row_keys
from infogap.runs.run_folder import ROWS_PER_PART, Run
from infogap.runs.stage import Outcome
from infogap.schema import BAND_NAMES, MEASURES, TASKS, TRACES

_AT_ONCE = 500  # traces sent to a worker at a time
_WORTH_WORKERS = 2_000  # traces: fewer are measured faster than workers start
_BY_LEXICONS = ("lexicons", "bands", "lexicon_contents", "measures")  # of the stage's part; `facts` has them


def measure_traces(run: Run) -> Outcome:
    """Write the table `measures`."""
    table = measures_table(run)
    bands, leaking = Counter[str | None](), 0
    with (
        former_rows(run, MEASURES, _settings(run), facts(run)) as former,
        run.rewrite(table) as out,
        progress("measure", run.rows(TRACES), "traces") as advance,
        trace_parts(run) as parts,
    ):
        for made in _measured(run, former, parts):
            if isinstance(made, _Whole):
                former.reuse(made.number, made.source, out)
            else:
                out.write(made)
            rows = made.counted if isinstance(made, _Whole) else made
            bands.update(rows["band"])
            leaking += int(rows["leak"].sum())
            advance(rows.height)
    counts = {band: bands[band] for band in BAND_NAMES} | {"without_text": bands[None], "leaks": leaking}
    return Outcome(out.rows, counts, list(_notes(run)))


def _settings(run: Run) -> list[Any]:
    """Return everything that all columns of infogap's measures depend on, besides a trace's own row."""
    kinds = {label: repr(ContextKind.of(privilege)) for label, privilege in privileges_by_label(run.recipe).items()}
    part = {name: value for name, value in measure_settings(run).items() if name not in _BY_LEXICONS}
    return [STAGE.version, part, kinds, __version__, pl.__version__]


@dataclass(frozen=True)
class _Whole:
    """A former part that is reused as it is, and the columns of it that are counted."""

    number: int
    source: str
    counted: pl.DataFrame


@dataclass(frozen=True)
class _Frame:
    """A frame of a part that is measured; `keys` and `source` are of the whole part, where this is its last frame."""

    work: Work
    keys: np.ndarray | None = None
    source: str | None = None


def _measured(run: Run, former: FormerRows, parts: Iterator[TracePart]) -> Iterator[pl.DataFrame | _Whole]:
    """Yield the rows of `measures` in the order of the traces, or former parts of the table that hold them."""
    measuring, same = Measuring.of(run, former.facts), former.facts == facts(run)
    planned = deque[_Whole | _Frame]()

    def not_done() -> Iterator[Work]:
        before = 0
        for part in parts:
            source = part.digest()
            whole = _whole(former, source) if same and before % ROWS_PER_PART == 0 else None
            before += part.rows
            frames = [whole] if whole is not None else _frames(part, source, former)
            for each in frames:
                planned.append(each)
                if isinstance(each, _Frame) and not measuring.is_done(each.work):
                    yield each.work

    def ready() -> Iterator[pl.DataFrame | _Whole]:
        """Yield what is planned up to the next frame that has to be measured."""
        while planned and (isinstance(planned[0], _Whole) or measuring.is_done(planned[0].work)):
            each = planned.popleft()
            yield each if isinstance(each, _Whole) else noted(each, measuring.rows(each.work))

    def noted(frame: _Frame, rows: pl.DataFrame) -> pl.DataFrame:
        if frame.keys is not None:
            former.note(frame.keys, frame.source)
        return rows

    left = max(run.rows(TRACES) - former.rows, 1) if same else run.rows(TRACES)
    slices = -(-left // _AT_ONCE) if left > _WORTH_WORKERS else 1
    for rows in processes_in_order(measuring.rows, not_done(), slices):
        yield from ready()
        frame = planned.popleft()
        assert isinstance(frame, _Frame)
        yield noted(frame, rows)
    yield from ready()


def _whole(former: FormerRows, source: str) -> _Whole | None:
    number = former.whole_part(source)
    counted = former.parts.read(number, MEASURES, ["band", "leak"]) if number is not None else None
    return None if number is None or counted is None else _Whole(number, source, counted)


def _frames(part: TracePart, source: str, former: FormerRows) -> Iterator[_Frame]:
    keys: list[np.ndarray] = []
    rows = 0
    for frame in part.frames(_AT_ONCE):
        rows += frame.height
        keys.append(row_keys(frame.iter_rows()))
        work = Work(frame, *former.find(keys[-1]))
        yield _Frame(work) if rows < part.rows else _Frame(work, np.concatenate(keys), source)


def _notes(run: Run) -> Iterator[str]:
    """Note traces that were compared with no context, as the source does not say what their teacher saw."""
    if not run.recipe.imports:
        return
    known = run.scan(TASKS).filter(pl.col("solution").is_not_null(), bool(solution_stands_for_context(run.recipe)))
    unknown = run.scan(TRACES).filter(
        pl.col("context_id").is_null(), ~pl.col("privilege").is_in(unguided_labels(run)), pl.col("error").is_null()
    )
    counts = unknown.join(known, on="task_id", how="anti").group_by("privilege").len().sort("privilege").collect()
    if counts.height:
        named = ", ".join(f"{label} {traces:,}" for label, traces in counts.iter_rows())
        yield (
            "what their teacher saw is not known, so they were searched for the words of leaks, and not for copies: "
            f"{named}; to compare them, map `context`, or `solution`"
        )
