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
from infogap.generate.trace_store import answered, move_to_cache
from infogap.ids import stable_id
from infogap.recipe import Recipe
from infogap.recipe.recipe_errors import spell_path
from infogap.recipe.sources import TraceColumns, TraceImport
from infogap.recipe.thinking_section import pair_of
from infogap.rows.column_paths import EVERY, MISSING, as_text
from infogap.rows.message_turns import Answer, UnreadableTurnError, answers_in
from infogap.rows.source_rows import contents
from infogap.runs.run_folder import ROWS_PER_PART, Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTEXTS, STATED_VERDICTS, TASKS, TRACES
from infogap.tasks.stage import ROWS
from infogap.tasks.task_columns import TASK_COLUMNS, column_paths, read_fields
from infogap.teachers.finish_reasons import meaning, word_of
from infogap.text.message_content import ContentError, read_content
from infogap.text.storable import utf8
from infogap.text.tag_counts import TagCounts
from infogap.text.thoughts import Parts, joined, read_parts

_Row = dict[str, Any]
_FIELDS = tuple(name for name in TraceColumns.model_fields if name not in TASK_COLUMNS)
_BESIDE = ("finish_reason", "completion_tokens", "stated_verdict", "teacher", "privilege", "context")

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
    reasoning: str  # in a column, a field or a part of the content of its own
    end: str | None  # the finish reason, in the file's word
    completion_tokens: int | None
    stated_verdict: str | None
    thought_in: str  # where `reasoning` stands in the file

    @property
    def empty(self) -> bool:
        return not self.text.strip() and not self.reasoning.strip()

    @property
    def finish_reason(self) -> str | None:
        """In the words of the traces table; the file's own where it is not known."""
        known = meaning(self.end or "")
        return "error" if known == "failed" else known or self.end

    @property
    def error(self) -> str | None:
        """Why the sample is no whole answer, where somebody other than the model ended it."""
        failed = self.finish_reason in ("error", "filtered")
        return f"the source says that the answer ended by '{self.end}'" if failed else None

    @property
    def cut(self) -> bool:
        return self.finish_reason == "length"

    def parts(self, source: TraceImport) -> Parts:
        """Reasoning and response, by the tags that the source may have."""
        pair, thought = pair_of(source.thinking), self.reasoning.strip()
        opened = source.thinking == "opened" and self.whole and not thought
        parts = read_parts(self.text, truncated=self.cut, opened=opened, pair=pair, unwrap=True)
        return joined(thought, parts, pair, self.thought_in) if thought else parts


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
    """What the traces of a source show of their tags, and whether they begin inside a thought unsaid."""

    counts: TagCounts = field(default_factory=TagCounts)
    closed_only: int = 0  # that close a thought which they do not open
    cut_without: int = 0  # that were cut off and have no tags

    def look_at(self, sample: Sample, parts: Parts) -> None:
        self.counts.add(parts)
        if sample.end is not None and meaning(sample.end) is None:
            self.counts.words[sample.end] += 1
        if sample.whole:
            self.closed_only += parts.began_inside
            self.cut_without += sample.cut and not parts.tags

    def notes(self, source: TraceImport) -> Iterator[str]:
        for note in self.counts.notes():
            yield f"{source.from_}: {note}"
        if source.thinking != "opened" and self.closed_only and self.cut_without:
            yield (
                f"{source.from_}: {self.closed_only:,} traces begin inside a thought; {self.cut_without:,} that were "
                "cut off have no tags, and were taken for answers. Where they are thoughts too, set `thinking: opened`"
            )


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
                | tags.counts.as_counts()
            )
            if not written:
                raise UserError(f"{source.from_}: no trace to import; {_reasons(left_out)}")
            if left_out:
                notes.append(f"{source.from_}: not imported, of {rows.height:,} rows: {_reasons(left_out)}")
            notes += tags.notes(source)
    if "preference" in run.recipe.publish.configs and max(seen.samples.values()) < 2:
        raise UserError(
            "publish.configs: `preference` pairs a correct with a wrong trace of one task, privilege and teacher, and "
            "here none of these has more than one; leave `preference` out"
        )
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
                parts = sample.parts(source)
                tags.look_at(sample, parts)
                trace = _trace(answered, sample, parts, place, seen)
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
    try:
        answers = _answers(values, columns, "trace" if whole else "response")
        thoughts = _answers(values, columns, "reasoning")
    except UnreadableTurnError as error:
        return str(error)
    except ContentError:
        return NOT_TEXT
    if thoughts and not answers:  # what servers write for a thought that was cut off
        answers = [Answer(None, None)] * len(thoughts)
    if thoughts and len(thoughts) != len(answers):
        return UNEVEN
    pairs = list(zip(answers, thoughts or [Answer(None, None)] * len(answers), strict=True))
    if all(_is_blank(answer) and _is_blank(thought) for answer, thought in pairs):
        return NO_TRACE
    for column in _BESIDE:
        if isinstance(values.get(column), list) and len(values[column]) != len(answers):
            return _UNEVEN_COLUMN.format(name=column)
    return [
        Sample(
            whole,
            utf8(answer.text or ""),
            utf8(_joined(thought.thought, thought.text, answer.thought)),
            _end(_of_sample(values.get("finish_reason"), index)),
            _tokens(_of_sample(_own_count(values.get("completion_tokens"), len(answers)), index)),
            as_text(_of_sample(values.get("stated_verdict"), index)),
            _thought_in(answer, thought),
        )
        for index, (answer, thought) in enumerate(pairs)
    ]


def _answers(values: dict[str, Any], columns: TraceColumns, name: str) -> list[Answer]:
    """What a column holds of each sample. Raises UnreadableTurnError or ContentError for what is not text."""
    value = values.get(name, MISSING)
    if value is MISSING or value is None:
        return []
    found = answers_in(value, every=EVERY in (getattr(columns, name) or ""))
    return [item if isinstance(item, Answer) else _answer(item) for item in found]


def _answer(item: Any) -> Answer:
    content = read_content(item)
    return Answer(content.text, content.thought or None)


def _is_blank(answer: Answer) -> bool:
    return not _joined(answer.text, answer.thought).strip()


def _joined(*texts: str | None) -> str:
    return "\n".join(text for text in texts if text)


def _thought_in(answer: Answer, thought: Answer) -> str:
    """Where the file has a sample's thought, as the notes on tags say it."""
    if not _is_blank(thought):
        return "a column of its own"
    return "a field of its own" if answer.in_field else "a part of the content"


def _of_sample(value: Any, index: int) -> Any:
    """What a column says of one sample: its item where the column is a list, else the value."""
    if isinstance(value, list):
        return value[index] if index < len(value) else None
    return value


def _own_count(tokens: Any, samples: int) -> Any:
    """Tokens as a column counts them; None where one number stands for several samples, as their sum."""
    return tokens if samples == 1 or isinstance(tokens, list) else None


def _end(value: Any) -> str | None:
    return word_of(value) if isinstance(value, dict) else as_text(value) and word_of(as_text(value))


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


def _trace(answered: Answered, sample: Sample, parts: Parts, number: int, seen: _Seen) -> dict[str, Any]:
    # By content, not by row: a file whose rows are sorted otherwise gives the same ids.
    content_id = stable_id(
        "import", answered.source, *answered.cell, answered.context_id, sample.whole, sample.reasoning, sample.text
    )
    seen.texts[content_id] += 1
    return {
        "trace_id": stable_id(content_id, seen.texts[content_id]),
        "task_id": answered.task_id,
        "privilege": answered.privilege,
        "context_id": answered.context_id,
        "teacher": answered.teacher,
        "sample": number,
        "seed": None,
        "round": 0,
        "reasoning": parts.reasoning,
        "response": parts.response,
        "finish_reason": sample.finish_reason,
        "prompt_tokens": None,
        "completion_tokens": sample.completion_tokens,
        "error": sample.error,
    }


def _reasons(left_out: Counter[str]) -> str:
    return "; ".join(f"{reason}: {count:,} {_unit(reason, count)}" for reason, count in sorted(left_out.items()))


def _unit(reason: str, count: int) -> str:
    unit = "sample" if reason == EMPTY else "row"
    return unit if count == 1 else f"{unit}s"


def _absent(recipe: Recipe) -> str:
    return "" if recipe.imports else "this run has no stage import: its traces are generated"


STAGE = Stage("import", ("traces", "contexts", STATED_VERDICTS.name), ("tasks",), 3, part, make, absent=_absent)
