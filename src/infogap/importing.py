"""The import stage: traces that exist already become rows of the traces and contexts tables.

The tasks stage has recorded, for every row of every source, which task it is or why it is none; here
the rows are read again for what their teacher wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from infogap.console import progress
from infogap.errors import UserError
from infogap.generate.store import answered, move_to_cache
from infogap.ids import stable_id
from infogap.recipe.problems import spell_path
from infogap.recipe.sources import TraceColumns, TraceImport
from infogap.rows.columns import EVERY, MISSING, as_text
from infogap.rows.conversations import Answer, UnreadableTurnError, answers_in
from infogap.rows.source import contents
from infogap.run import ROWS_PER_PART, Run
from infogap.schema import CONTEXTS, STATED_VERDICTS, TASKS, TRACES
from infogap.stage import Outcome, Stage
from infogap.tasks.reading import TASK_COLUMNS, column_paths, read_fields
from infogap.tasks.stage import ROWS
from infogap.teachers.thinking import CLOSING, OPENING, split
from infogap.text import utf8

_Row = dict[str, Any]
_FIELDS = tuple(name for name in TraceColumns.model_fields if name not in TASK_COLUMNS)
_BESIDE = ("finish_reason", "completion_tokens", "stated_verdict", "teacher", "privilege", "context")
_FINISHED = ("stop", "length")

NO_TRACE = "no trace"
NOT_TEXT = "the trace is not text"
UNEVEN = "not as many thoughts as responses"
_UNEVEN_COLUMN = "{name} is a list, and not of as many items as there are traces"
EMPTY = "empty, beside others that are not"


@dataclass(frozen=True)
class Sample:
    """One text of a row, as the file has it: `whole`, with the thinking still in it, or in two parts."""

    whole: bool
    text: str
    reasoning: str
    finish_reason: str | None
    completion_tokens: int | None
    stated_verdict: str | None = None

    @property
    def empty(self) -> bool:
        return not self.text.strip() and not self.reasoning.strip()

    @property
    def cut(self) -> bool:
        return self.finish_reason == "length"

    def parts(self, *, opened: bool) -> tuple[str, str]:
        """Reasoning and response; `opened`: the text begins inside the thought."""
        if self.whole:
            return split(self.text, truncated=self.cut, opened=opened)
        return self.reasoning.strip(), self.text.strip()


@dataclass(frozen=True)
class Answered:
    """What a row says of a sample besides its text: which task was answered by whom, shown what."""

    source: str
    task_id: str
    privilege: str
    teacher: str
    context: str | None

    @property
    def cell(self) -> tuple[str, str, str]:
        """Where samples are numbered."""
        return self.task_id, self.privilege, self.teacher

    @property
    def context_id(self) -> str | None:
        return None if self.context is None else stable_id(self.task_id, self.privilege, self.context)

    def context_row(self) -> dict[str, Any]:
        return {
            "context_id": self.context_id,
            "task_id": self.task_id,
            "privilege": self.privilege,
            "text": self.context,
        }


@dataclass
class _Seen:
    """What earlier rows have taken: sample numbers, and how often the same text came."""

    samples: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    texts: Counter[str] = field(default_factory=Counter)
    contexts: set[str | None] = field(default_factory=set)


@dataclass
class _Tags:
    """What tells that a source's traces begin inside a thought although its recipe does not say so."""

    closed_only: int = 0  # that close a thought which they do not open
    cut_without: int = 0  # that were cut off and have no tags

    def look_at(self, sample: Sample) -> None:
        if sample.whole:
            opening, closing = OPENING in sample.text, CLOSING in sample.text
            self.closed_only += closing and not opening
            self.cut_without += sample.cut and not closing and not opening

    def note(self, source: TraceImport) -> list[str]:
        if source.thinking == "opened" or not (self.closed_only and self.cut_without):
            return []
        return [
            f"{source.from_}: {self.closed_only:,} traces begin inside a thought; {self.cut_without:,} that were cut "
            "off have no tags, and were taken for answers. Where they are thoughts too, set `thinking: opened`"
        ]


def part(run: Run) -> dict[str, Any]:
    """The sources' settings and bytes."""
    return {
        spell_path(("import", index)): source.model_dump(mode="json", by_alias=True) | contents(run, source)
        for index, source in enumerate(run.recipe.import_ or [])
    }


def make(run: Run) -> Outcome:
    """Read every source's rows and write their traces and contexts.

    Raises UserError where a source lacks a column or no row has a trace.
    """
    tasks_of_rows = _rows_of_sources(run)
    if answered(run.path / TRACES.name) is not None:  # the run has generated before: what that cost is kept
        move_to_cache(run.path / TRACES.name)
    seen = _Seen()
    counts, notes = [], []
    with (
        run.rewrite(TRACES) as traces,
        run.rewrite(CONTEXTS) as contexts,
        run.rewrite(STATED_VERDICTS) as verdicts,
        progress("import", tasks_of_rows.height, "rows") as advance,
    ):
        for index, source in enumerate(run.recipe.import_ or []):
            left_out, tags = Counter[str](), _Tags()
            before = traces.rows
            rows = tasks_of_rows.filter(pl.col("source") == index)
            for made, told, stated in _batches(run, source, rows, seen, left_out, tags, advance):
                traces.write(TRACES.frame(made))
                contexts.write(CONTEXTS.frame(told))
                verdicts.write(STATED_VERDICTS.frame(stated))
            written = traces.rows - before
            counts.append(
                {
                    "source": source.from_,
                    "rows": rows.height,
                    "left_out": dict(sorted(left_out.items())),
                    "traces": written,
                }
            )
            if not written:
                raise UserError(f"{source.from_}: no trace to import; {_reasons(left_out)}")
            if left_out:
                notes.append(f"{source.from_}: not imported, of {rows.height:,} rows: {_reasons(left_out)}")
            notes += tags.note(source)
    return Outcome(traces.rows, {"sources": counts, "contexts": contexts.rows, "stated_verdicts": verdicts.rows}, notes)


def _rows_of_sources(run: Run) -> pl.DataFrame:
    path = run.path / TASKS.name / ROWS
    if not path.is_file():
        raise UserError(f"{path} is gone: it says which task each row answers; first: infogap tasks {run.path}")
    return pl.read_parquet(path)


def _batches(
    run: Run, source: TraceImport, rows: pl.DataFrame, seen: _Seen, left_out: Counter[str], tags: _Tags, advance: Any
) -> Iterator[tuple[list[_Row], list[_Row], list[_Row]]]:
    """A source's traces, contexts and stated verdicts, some thousand at a time.

    Counts in `left_out` what is not there, by reason.
    """
    fates = {row: (task_id, reason) for row, task_id, reason in rows.select("row", "task_id", "reason").iter_rows()}
    made: list[_Row] = []
    told: list[_Row] = []
    stated: list[_Row] = []
    changed = UserError(f"{source.from_} has changed since its tasks were read; first: infogap tasks {run.path}")
    for number, values in read_fields(run, source, column_paths(source.columns, _FIELDS)):
        advance()
        if number not in fates:
            raise changed
        task_id, reason = fates.pop(number)
        samples = _samples(values, source.columns)
        if task_id is None or isinstance(samples, str):
            left_out[str(samples) if task_id else str(reason)] += 1
            continue
        for index, sample in enumerate(samples):
            answered = _answered(source, task_id, values, index)
            if answered.context_id not in seen.contexts and answered.context is not None:
                seen.contexts.add(answered.context_id)
                told.append(answered.context_row())
            place = seen.samples[answered.cell]
            seen.samples[answered.cell] += 1
            if sample.empty:
                left_out[EMPTY] += 1
            else:
                tags.look_at(sample)
                trace = _trace(answered, sample, place, seen, opened=source.thinking == "opened")
                made.append(trace)
                if sample.stated_verdict is not None:
                    stated.append({"trace_id": trace["trace_id"], "stated_verdict": sample.stated_verdict})
        if len(made) >= ROWS_PER_PART:
            yield made, told, stated
            made, told, stated = [], [], []
    if fates:
        raise changed
    yield made, told, stated


def _samples(values: dict[str, Any], columns: TraceColumns) -> list[Sample] | str:
    """A row's texts, or why it has none that can be imported."""
    whole = "trace" in values
    name = "trace" if whole else "response"
    try:
        answers = _as_list(values[name], every=EVERY in (getattr(columns, name) or ""))
    except UnreadableTurnError as error:
        return str(error)
    thoughts = _as_list(values.get("reasoning", MISSING)) if not whole else []
    if not thoughts and any(isinstance(answer, Answer) and answer.thought for answer in answers):
        thoughts = [answer.thought if isinstance(answer, Answer) else None for answer in answers]
        whole = False
    texts = [answer.text if isinstance(answer, Answer) else answer for answer in answers]
    if any(not isinstance(text, str | None) for text in [*texts, *thoughts]):
        return NOT_TEXT
    if thoughts and len(thoughts) != len(texts):
        return UNEVEN
    if not any(text and text.strip() for text in [*texts, *thoughts]):
        return NO_TRACE
    for column in _BESIDE:
        if isinstance(values.get(column), list) and len(values[column]) != len(texts):
            return _UNEVEN_COLUMN.format(name=column)
    return [
        Sample(
            whole,
            utf8(text or ""),
            utf8(thoughts[index] or "") if thoughts else "",
            _finish_reason(_of_sample(values.get("finish_reason"), index)),
            _tokens(_of_sample(_own_count(values.get("completion_tokens"), len(texts)), index)),
            as_text(_of_sample(values.get("stated_verdict"), index)),
        )
        for index, text in enumerate(texts)
    ]


def _as_list(value: Any, *, every: bool = False) -> list[Any]:
    if value is MISSING or value is None:
        return []
    return answers_in(value, every=every)


def _of_sample(value: Any, index: int) -> Any:
    """What a column says of one sample: its item where the column is a list, else the value."""
    if isinstance(value, list):
        return value[index] if index < len(value) else None
    return value


def _own_count(tokens: Any, samples: int) -> Any:
    """Tokens as a column counts them; None where one number stands for several samples, as their sum."""
    return tokens if samples == 1 or isinstance(tokens, list) else None


def _finish_reason(value: Any) -> str | None:
    text = as_text(value)
    return text if text in _FINISHED else None


def _tokens(value: Any) -> int | None:
    """A number of tokens, from 420, 420.0 or "420"; None from anything else."""
    text = (as_text(value) or "").removesuffix(".0")
    return int(text) if text.isdecimal() else None


def _answered(source: TraceImport, task_id: str, values: dict[str, Any], index: int) -> Answered:
    return Answered(
        source.from_,
        task_id,
        as_text(_of_sample(values.get("privilege"), index)) or source.privilege,
        as_text(_of_sample(values.get("teacher"), index)) or source.teacher,
        as_text(_of_sample(values.get("context"), index)),
    )


def _trace(answered: Answered, sample: Sample, number: int, seen: _Seen, *, opened: bool) -> dict[str, Any]:
    # By content, not by row: a file whose rows are sorted otherwise gives the same ids.
    content_id = stable_id(
        "import", answered.source, *answered.cell, answered.context_id, sample.whole, sample.reasoning, sample.text
    )
    seen.texts[content_id] += 1
    reasoning, response = sample.parts(opened=opened)
    return {
        "trace_id": stable_id(content_id, seen.texts[content_id]),
        "task_id": answered.task_id,
        "privilege": answered.privilege,
        "context_id": answered.context_id,
        "teacher": answered.teacher,
        "sample": number,
        "seed": None,
        "round": 0,
        "reasoning": reasoning,
        "response": response,
        "finish_reason": sample.finish_reason,
        "prompt_tokens": None,
        "completion_tokens": sample.completion_tokens,
        "error": None,
    }


def _reasons(left_out: Counter[str]) -> str:
    return "; ".join(f"{reason}: {count:,} {_unit(reason, count)}" for reason, count in sorted(left_out.items()))


def _unit(reason: str, count: int) -> str:
    unit = "sample" if reason == EMPTY else "row"
    return unit if count == 1 else f"{unit}s"


STAGE = Stage("import", ("traces", "contexts", STATED_VERDICTS.name), ("tasks",), 2, part, make)
