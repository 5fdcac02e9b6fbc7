"""Make rows of the tables traces, contexts, stated_verdicts and turns from imported samples, and sum up each source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from infogap.ids import stable_id
from infogap.imports.samples import Sample, of_sample
from infogap.recipe.sources import TraceImport
from infogap.rows.column_paths import as_text
from infogap.teachers.finish_reasons import meaning
from infogap.text.tag_counts import TagCounts
from infogap.text.thoughts import Parts

TableRow = dict[str, Any]
ORIGINS = pl.Schema(dict.fromkeys(("task_id", "privilege", "teacher", "content_id"), pl.String))
"""Of each sample, an empty one too: the cell in which it is numbered, and the hash that tells equal texts apart."""


@dataclass(frozen=True)
class Origin:
    """Where a sample comes from: the task that it answers, its teacher, and what the teacher was shown."""

    source: str
    task_id: str
    privilege: str
    teacher: str
    context: str | None

    @classmethod
    def of(cls, source: TraceImport, task_id: str, values: dict[str, Any], index: int) -> Origin:
        """Read the origin of a row's sample; the recipe's constants stand in for columns that it lacks."""
        return cls(
            source.from_,
            task_id,
            as_text(of_sample(values.get("privilege"), index)) or source.privilege,
            as_text(of_sample(values.get("teacher"), index)) or source.teacher,
            as_text(of_sample(values.get("context"), index)),
        )

    @property
    def cell(self) -> tuple[str, str, str]:
        """The task, privilege and teacher among whose samples this one is numbered."""
        return self.task_id, self.privilege, self.teacher

    @property
    def context_id(self) -> str | None:
        return None if self.context is None else stable_id(self.task_id, self.privilege, self.context)


@dataclass
class TraceRows:
    """Collects rows of four tables; numbers samples and tells equal texts apart, over all sources."""

    traces: list[TableRow] = field(default_factory=list)
    contexts: list[TableRow] = field(default_factory=list)
    stated_verdicts: list[TableRow] = field(default_factory=list)
    turns: list[TableRow] = field(default_factory=list)
    samples: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    _texts: Counter[str] = field(default_factory=Counter)
    _context_ids: set[str | None] = field(default_factory=set)
    _origins: list[tuple[str, str, str, str | None]] = field(default_factory=list)

    def add_origin(self, origin: Origin) -> int:
        """Count a sample, even an empty one, and keep its context; return the sample's number."""
        if origin.context is not None and origin.context_id not in self._context_ids:
            self._context_ids.add(origin.context_id)
            self.contexts.append(
                {
                    "context_id": origin.context_id,
                    "task_id": origin.task_id,
                    "privilege": origin.privilege,
                    "text": origin.context,
                }
            )
        self.samples[origin.cell] += 1
        self._origins.append((*origin.cell, None))
        return self.samples[origin.cell] - 1

    def add_trace(self, origin: Origin, number: int, sample: Sample, parts: Parts) -> None:
        """Add a sample's trace, and the verdict that the file states."""
        # By content, not by row: a file whose rows are sorted otherwise gives the same ids.
        tools = [] if sample.tools is None else [sample.tools]
        content_id = stable_id(
            "import",
            origin.source,
            *origin.cell,
            origin.context_id,
            sample.whole,
            sample.reasoning,
            sample.text,
            *tools,
        )
        self._texts[content_id] += 1
        self._origins[-1] = (*origin.cell, content_id)
        trace_id = stable_id(content_id, self._texts[content_id])
        self.traces.append(
            {
                "trace_id": trace_id,
                "task_id": origin.task_id,
                "privilege": origin.privilege,
                "context_id": origin.context_id,
                "teacher": origin.teacher,
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
        )
        if sample.turns is not None:
            self.turns.append({"trace_id": trace_id, "turns": sample.text, "tools": sample.tools})
        if sample.stated_verdict is not None:
            self.stated_verdicts.append({"trace_id": trace_id, "stated_verdict": sample.stated_verdict})

    def take_origins(self) -> pl.DataFrame:
        """Return the samples (ORIGINS) that were added since this was last asked."""
        taken, self._origins = self._origins, []
        return pl.DataFrame(taken, ORIGINS, orient="row")

    def know_origins(self, origins: pl.DataFrame) -> None:
        """Count samples of rows that are not read again."""
        self.samples.update(origins.select("task_id", "privilege", "teacher").iter_rows())
        self._texts.update(origins["content_id"].drop_nulls())

    def know_contexts(self, contexts: pl.DataFrame | None) -> None:
        """Take note of contexts that have been written."""
        self._context_ids.update(() if contexts is None else contexts["context_id"])

    def clear(self) -> None:
        """Forget the rows, which have been written, and keep the counts."""
        self.traces, self.contexts, self.stated_verdicts, self.turns = [], [], [], []

    @property
    def tables(self) -> tuple[list[TableRow], ...]:
        """The rows that are not written yet, of traces, contexts, stated verdicts and turns."""
        return self.traces, self.contexts, self.stated_verdicts, self.turns


EMPTY = "empty, beside others that are not"


@dataclass
class SourceSummary:
    """What became of a source's rows, and what its traces show of their tags."""

    source: TraceImport
    rows: int
    left_out: Counter[str] = field(default_factory=Counter)  # by reason
    first_rows: dict[str, int] = field(default_factory=dict)  # by reason; of those that `tasks` has not listed
    traces: int = 0
    calling: int = 0  # traces that call tools
    _tags: TagCounts = field(default_factory=TagCounts)
    _closed_only: int = 0  # traces that close a thought which they do not open
    _truncated_untagged: int = 0

    def leave_out(self, reason: str, row: int | None) -> None:
        """Count a row that is not imported; `row` is its number, None if the tasks stage has given the reason."""
        self.left_out[reason] += 1
        if row is not None:
            self.first_rows.setdefault(reason, row)

    def add(self, sample: Sample, parts: Parts) -> None:
        """Count one imported sample."""
        self.traces += 1
        self.calling += sample.turns is not None and sample.turns.call_tools
        self._tags.add(parts)
        if sample.end is not None and meaning(sample.end) is None:
            self._tags.words[sample.end] += 1
        if sample.whole:
            self._closed_only += parts.began_inside
            self._truncated_untagged += sample.truncated and not parts.tags

    def state(self) -> dict[str, Any]:
        """Return what was counted so far, as JSON-able values."""
        counted: dict[str, Any] = {"left_out": dict(self.left_out), "first_rows": self.first_rows}
        counted |= {"traces": self.traces, "calling": self.calling}
        counted |= {"tags": self._tags.state()}
        return counted | {"closed_only": self._closed_only, "truncated_untagged": self._truncated_untagged}

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Take over what had been counted at the end of a block."""
        self.left_out, self.traces = Counter(state["left_out"]), state["traces"]
        self.first_rows = dict(state["first_rows"])
        self.calling, self._tags = state["calling"], TagCounts.of(state["tags"])
        self._closed_only, self._truncated_untagged = state["closed_only"], state["truncated_untagged"]

    def as_counts(self) -> dict[str, Any]:
        """Return the source's counts for the manifest."""
        counts = {
            "source": self.source.from_,
            "rows": self.rows,
            "left_out": dict(sorted(self.left_out.items())),
            "traces": self.traces,
            **({"calling_tools": self.calling} if self.calling else {}),
        }
        return counts | self._tags.as_counts()

    def reasons(self) -> str:
        """Say what was left out, and why."""
        return "; ".join(f"{why}: {count:,} {_unit(why, count)}" for why, count in sorted(self.left_out.items()))

    def notes(self) -> Iterator[str]:
        """Yield sentences for the user."""
        name = self.source.from_
        if self.left_out:
            yield f"{name}: not imported, of {self.rows:,} rows: {self.reasons()}"
        if self.first_rows:
            firsts = "; ".join(f"row {row}: {why}" for why, row in sorted(self.first_rows.items()))
            yield f"{name}: the first row without a trace, by reason: {firsts}"
        if self.calling:
            yield (
                f"{name}: {self.calling:,} traces call tools; each is the conversation after the user's first turn, of "
                "which only the assistant's turns are measured"
            )
        for note in self._tags.notes():
            yield f"{name}: {note}"
        if self.source.thinking != "opened" and self._closed_only and self._truncated_untagged:
            yield (
                f"{name}: {self._closed_only:,} traces begin inside a thought; {self._truncated_untagged:,} that were "
                "cut off have no tags, and were taken for answers. Where they are thoughts too, set `thinking: opened`"
            )


def _unit(reason: str, count: int) -> str:
    unit = "sample" if reason == EMPTY else "row"
    return unit if count == 1 else f"{unit}s"
