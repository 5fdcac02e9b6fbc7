"""Choose examples of each kind of leak, with the words around it."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from infogap.leaks.leak_scan import KINDS
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TRACES

_EXAMPLES = 3  # of a kind
_AROUND = 90  # characters before and after
_LONGEST = 240  # characters of the leak itself


@dataclass(frozen=True)
class LeakExample:
    """A place that leaks: the rule that found it, and the text before, in and after it."""

    trace_id: str
    privilege: str
    rule: str
    before: str
    text: str
    after: str


@dataclass(frozen=True)
class LeakKindRow:
    """A kind of leak: what it is, the traces that have it under each privilege, and examples."""

    kind: str
    meaning: str
    traces: int
    privileges: dict[str, int]
    examples: list[LeakExample]


def leaks_by_kind(run: Run) -> list[LeakKindRow]:
    """List the kinds of leaks that occur, the most frequent first. The examples are the first traces by id."""
    places = (
        run.scan(MEASURES)
        .filter("leak")
        .select("trace_id", "leaks")
        .explode("leaks")
        .drop_nulls("leaks")
        .with_columns(pl.col("leaks").struct.unnest())
        .select("trace_id", "kind", "rule", "start", "end")
        .join(run.scan(TRACES).select("trace_id", "privilege"), on="trace_id")
        .collect()
        .sort("kind", "trace_id", "start")
    )
    chosen = places.unique(["kind", "trace_id"], keep="first", maintain_order=True).group_by(
        "kind", maintain_order=True
    )
    examples = {str(kind): rows.head(_EXAMPLES) for (kind,), rows in chosen}
    texts = _texts(run, pl.concat([rows["trace_id"] for rows in examples.values()]) if examples else pl.Series([]))
    by_kind = []
    for kind, rows in examples.items():
        own = places.filter(kind=kind)
        counts = own.group_by("privilege").agg(pl.col("trace_id").n_unique()).sort("privilege")
        shown = [_example(row, texts[row["trace_id"]]) for row in rows.iter_rows(named=True)]
        total = own["trace_id"].n_unique()
        by_kind.append(LeakKindRow(kind, KINDS.get(kind, ""), total, dict(counts.iter_rows()), shown))
    return sorted(by_kind, key=lambda row: (-row.traces, row.kind))


def _texts(run: Run, trace_ids: pl.Series) -> dict[str, str]:
    """Return each trace's text as the scan reads it: reasoning, a line break and response, or one of them."""
    rows = run.scan(TRACES).filter(pl.col("trace_id").is_in(trace_ids.cast(pl.String).implode())).collect()
    return {
        row["trace_id"]: "\n".join(part for part in (row["reasoning"], row["response"]) if part)
        for row in rows.iter_rows(named=True)
    }


def _example(row: dict[str, object], text: str) -> LeakExample:
    start, end = int(str(row["start"])), int(str(row["end"]))
    leak = text[start:end]
    return LeakExample(
        trace_id=str(row["trace_id"]),
        privilege=str(row["privilege"]),
        rule=str(row["rule"]),
        before=("…" if start > _AROUND else "") + text[max(start - _AROUND, 0) : start],
        text=leak if len(leak) <= _LONGEST else f"{leak[:_LONGEST]}…",
        after=text[end : end + _AROUND] + ("…" if end + _AROUND < len(text) else ""),
    )
