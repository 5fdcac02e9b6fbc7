"""Show traces in the terminal with their markers, and duplicates side by side with differences marked."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import polars as pl

from infogap.console import printable, stdout
from infogap.effects.trace_summary import richness_of
from infogap.errors import InputError, nearest
from infogap.measure.lexicon import Lexicon, load
from infogap.runs.run_folder import Run
from infogap.schema import DUPLICATES, MEASURES, TASKS, TRACES, VERDICTS

if TYPE_CHECKING:
    from rich.text import Text


_COLUMN_WIDTH = 38  # characters: two traces side by side in 80 columns
_SHOWN = (
    *("trace_id", "task_id", "privilege", "teacher", "sample", "round"),
    *("reasoning", "response", "completion_tokens", "error"),
)


def traces_of(run: Run, wanted: dict[str, str], tasks: int) -> pl.DataFrame:
    """Return the traces with these column values of the first `tasks` tasks that have any, with verdict and band.

    Raises InputError if a value does not occur in the run.
    """
    joined = (
        run.scan(TRACES)
        .select(*_SHOWN, **_turns())
        .join(run.scan(VERDICTS).select("trace_id", "verdict", "extracted_answer"), on="trace_id", how="left")
        .join(
            run.scan(MEASURES).select("trace_id", "band", "epistemic_count", "words", "leak"), on="trace_id", how="left"
        )
    )
    for column, value in wanted.items():
        _must_occur(joined, column, value)
        joined = joined.filter(pl.col(column) == value)
    shown = joined.select(pl.col("task_id").unique().sort()).head(tasks).collect()["task_id"]
    return (
        joined.filter(pl.col("task_id").is_in(shown.implode()))
        .join(run.scan(TASKS).select("task_id", "question", "answer", "family"), on="task_id", how="left")
        .with_columns(richness=_richness(run))
        .sort("task_id", "richness", "privilege", "teacher", "sample", "round", "trace_id")
        .drop("richness")
        .collect()
    )


def _turns() -> dict[str, pl.Expr]:
    """Return a trace's turn in its sample and the number of turns; a verifier's turns are rounds of one sample."""
    sample = ("task_id", "privilege", "teacher", "sample")
    return {
        "turn": pl.col("round").rank("dense").over(sample),
        "turns": pl.col("round").n_unique().over(sample),
    }


def _richness(run: Run) -> pl.Expr:
    """Return the privilege's rank, which sorts a task's traces from unguided to richest."""
    ranks = richness_of(run.recipe)
    return pl.col("privilege").replace_strict(ranks, default=float("inf"), return_dtype=pl.Float64)


def _must_occur(traces: pl.LazyFrame, column: str, value: str) -> None:
    if traces.filter(pl.col(column) == value).head(1).collect().height:
        return
    there = traces.select(pl.col(column).drop_nulls().unique().sort()).head(20).collect()[column].to_list()
    name = column.removesuffix("_id")
    known = f"there are {', '.join(there)}" if there else "there are none yet"
    raise InputError(f"no trace with {name} '{value}'{nearest(value, there)}; {known}")


def print_traces(run: Run, traces: pl.DataFrame) -> None:
    """Print each task's question, then its traces in as many columns as the terminal fits."""
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    console = stdout()
    lexicon = load(run.recipe.measure.lexicons[0], run.resolve)
    abreast = max(1, console.width // _COLUMN_WIDTH)
    several = traces["teacher"].n_unique() > 1
    for (task_id,), rows in traces.group_by("task_id", maintain_order=True):
        first = rows.row(0, named=True)
        heading = f"task {task_id}  {first['family']}  gold answer: {first['answer']}"
        console.print(Panel(Text(first["question"] or "?"), title=Text(heading), title_align="left"))
        traces_of_task = rows.to_dicts()
        for start in range(0, len(traces_of_task), abreast):
            beside = traces_of_task[start : start + abreast]
            table = Table(expand=True, show_lines=False, padding=(0, 1))
            for trace in beside:
                table.add_column(Text(_heading(trace, several_teachers=several)), ratio=1, overflow="fold")
            table.add_row(*(_marked(trace, lexicon) for trace in beside))
            console.print(table)


def _heading(trace: dict[str, Any], *, several_teachers: bool) -> str:
    tokens, words, markers = trace["completion_tokens"], trace["words"], trace["epistemic_count"] or 0
    length = f"{words or 0} words" if tokens is None else f"{tokens} tokens"
    parts = [
        *([str(trace["teacher"])] if several_teachers else []),
        f"{trace['privilege']} #{trace['sample']}" + (f", turn {trace['turn']}" if trace["turns"] > 1 else ""),
        trace["verdict"] or "not verified",
        f"{trace['band'] or 'no band'}",
        f"{length}, {markers} marker{'' if markers == 1 else 's'}",
        *(["leaks"] if trace["leak"] else []),
    ]
    return "\n".join(parts)


def _marked(trace: dict[str, Any], lexicon: Lexicon) -> Any:
    from rich.text import Text

    if trace["error"]:
        return Text(f"failed: {trace['error']}", style="red")
    reasoning, response = trace["reasoning"] or "", trace["response"] or ""
    text = Text()
    for part, style in ((printable(reasoning), "dim"), (printable(response), "")):
        if not part:
            continue
        piece = Text(part, style=style)
        for start, end, _marker in lexicon.spans(part, trace["question"] or ""):
            piece.stylize("bold black on yellow", start, end)
        text.append_text(piece)
        text.append("\n")
    return text


_PIECE = re.compile(r"\S+\s*")
_CONTEXT = 12  # words shown on each side of a difference; longer equal stretches are shortened


def pairs_of(run: Run, wanted: dict[str, str], limit: int) -> pl.DataFrame:
    """Return removed traces with the kept ones, least similar first.

    Raises InputError if no trace (with these column values) was removed.
    """
    traces = run.scan(TRACES).select("trace_id", "task_id", "privilege", "sample", "reasoning", "response")
    duplicates = (
        run.scan(DUPLICATES)
        .join(traces, on="trace_id")
        .join(traces, left_on="duplicate_of", right_on="trace_id", suffix="_kept")
        .join(run.scan(TASKS).select("task_id", "question"), on="task_id", how="left")
    )
    for column, value in wanted.items():
        duplicates = duplicates.filter(pl.col(column) == value)
    pairs = duplicates.sort("jaccard", "trace_id").head(limit).collect()
    if pairs.is_empty():
        asked = f" with {', '.join(f'{name} {value}' for name, value in wanted.items())}" if wanted else ""
        raise InputError(f"no trace{asked} of {run.path} is a duplicate of another")
    return pairs


def print_pairs(pairs: pl.DataFrame) -> None:
    """Print each pair in two columns, the kept trace on the left."""
    from rich.table import Table

    console = stdout()
    for pair in pairs.iter_rows(named=True):
        kept, removed = _marked_difference(_text(pair, "_kept"), _text(pair, ""))
        alike = "the same text" if pair["how"] == "exact" else f"Jaccard {pair['jaccard']:.3f}"
        table = Table(expand=True, padding=(0, 1), title=f"task {pair['task_id']}: {alike}", title_justify="left")
        heading = "{} #{}\nkept: {}", "{} #{}\nremoved: {}"
        names = ("privilege_kept", "sample_kept", "duplicate_of"), ("privilege", "sample", "trace_id")
        for text, columns in zip(heading, names, strict=True):
            table.add_column(text.format(*(pair[name] for name in columns)), ratio=1, overflow="fold")
        table.add_row(kept, removed)
        console.print(table)


def _text(pair: dict[str, Any], suffix: str) -> str:
    return printable("\n\n".join(filter(None, (pair[f"reasoning{suffix}"], pair[f"response{suffix}"]))))


def _marked_difference(kept: str, removed: str) -> tuple[Text, Text]:
    """Highlight the words that the other text lacks; shorten long equal stretches."""
    from rich.text import Text

    one, other = _PIECE.findall(kept), _PIECE.findall(removed)
    shown = Text(), Text()
    blocks = SequenceMatcher(None, [word.strip() for word in one], [word.strip() for word in other], autojunk=False)
    for tag, one_start, one_stop, other_start, other_stop in blocks.get_opcodes():
        sides = zip(shown, (one[one_start:one_stop], other[other_start:other_stop]), strict=True)
        for text, words in sides:
            if tag == "equal":
                text.append(_shortened(words), style="dim")
            else:
                text.append("".join(words), style="bold black on yellow")
    return shown


def _shortened(words: list[str]) -> str:
    if len(words) <= 2 * _CONTEXT + 4:
        return "".join(words)
    left_out = len(words) - 2 * _CONTEXT
    return f"{''.join(words[:_CONTEXT])}[... {left_out:,} equal words ...] {''.join(words[-_CONTEXT:])}"
