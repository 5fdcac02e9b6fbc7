"""What the teachers of a run were shown: read once, with the texts kept in a file, as they need not fit in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile

import numpy as np
import polars as pl
from numpy.typing import NDArray

from infogap.dedupe.minhash import utf8
from infogap.privileges.ladder import privileges_by_label, solution_stands_for_context
from infogap.publish.configs.base import leaking
from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, TASKS, TRACES

_ATTEMPT = 40  # characters of an attempt; a shorter text can occur in a context by chance
_QUOTED = 8  # words in a row that a critique takes from its attempt
_WORD = re.compile(r"\w+")


class ShownContexts:
    """The contexts of a run, numbered in the order in which they are stored; then worked solutions, if imported.

    Attempts are removed from the contexts that show any, and from critiques what they repeat of an attempt: an attempt
    is itself a trace of the run, and is published as one unless it leaks. A trace that copies the attempt its teacher
    saw is a leak. Where a later context shows both, the copy stays in it, and `attempts_beside` has what it has copied.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._file = TemporaryFile(prefix=".publish.contexts.", dir=run.path, buffering=0)  # noqa: SIM115 - it lives as long as this
        self._rows: list[pl.DataFrame] = []
        self._attempts: dict[int, str] = {}
        self._ends: list[NDArray[np.int64]] = [np.zeros(1, np.int64)]

    def texts(self) -> Iterator[pl.Series]:
        """Yield the texts, block by block; those that were yielded can be looked up by number afterwards."""
        number = 0
        for block in self._blocks():
            texts = block["text"]
            if "attempts" in block.columns:
                held = enumerate(block["attempts"], start=number)
                self._attempts.update((place, attempts) for place, attempts in held if attempts is not None)
            number += block.height
            data, ends = utf8(texts)
            self._file.write(data[ends[0] : ends[-1]].data)
            self._ends.append(self._ends[-1][-1] + ends[1:] - ends[0])
            self._rows.append(block.select("task_id", pl.col("privilege").cast(pl.Categorical)))
            yield texts
        self._rows = [pl.concat(self._rows)] if self._rows else []
        self._ends = [np.concatenate(self._ends)]

    def of(self, number: int) -> tuple[str, str, str]:
        """Return a context's task, privilege and text, once all texts have been read."""
        task_id, privilege = self._rows[0].row(number)
        start, end = self._ends[0][number : number + 2]
        self._file.seek(start)
        return task_id, privilege, self._file.read(end - start).decode()

    def attempts_beside(self, number: int) -> str:
        """Return the attempts that were removed from a context which still shows a leaking one; empty for others."""
        return self._attempts.get(number, "")

    def _blocks(self) -> Iterator[pl.DataFrame]:
        """Yield `task_id`, `privilege` and `text` of some contexts at a time, and `attempts` where any are removed."""
        columns = ("task_id", "privilege", "text")
        without = _without_attempts(self._run)
        for part in self._run.parts(CONTEXTS):
            if part.height and without.height:
                rest = part.join(without, on="context_id", how="left", maintain_order="left")
                yield rest.select("task_id", "privilege", "attempts", text=pl.coalesce("rest", "text"))
            elif part.height:
                yield part.select(columns)
        traces = self._run.scan(TRACES).filter(
            pl.col("context_id").is_null(), pl.col("privilege").is_in(solution_stands_for_context(self._run.recipe))
        )
        pairs = traces.select("task_id", "privilege").unique()
        if pairs.head(1).collect().height:
            solutions = self._run.scan(TASKS).select("task_id", text="solution").drop_nulls()
            shown = pairs.join(solutions, on="task_id").select(columns).sort(columns).collect()
            if shown.height:
                yield shown


def _without_attempts(run: Run) -> pl.DataFrame:
    """Return `context_id` and `rest` of the contexts that show attempts: the text without its task's attempts.

    `attempts` has what was removed, where the rest shows an attempt that leaks, and is null elsewhere.
    """
    known = privileges_by_label(run.recipe)
    labels = [label for label, each in known.items() if each.attempts or each.beside]
    quoting = {label for label, each in known.items() if each.notes == "critique"}
    showing = (
        run.scan(CONTEXTS)
        .filter(pl.col("privilege").is_in(labels))
        .select("context_id", "task_id", "text", quotes=pl.col("privilege").is_in(sorted(quoting)))
    )
    contexts = showing.sort("context_id").collect()
    quotes = contexts["quotes"].to_list()
    texts = contexts["text"].to_list()
    places: dict[str, list[int]] = {}
    for place, task_id in enumerate(contexts["task_id"]):
        places.setdefault(task_id, []).append(place)
    leaks = set(leaking(run))
    removed: dict[int, list[str]] = {}
    leaking_texts: dict[str, list[str]] = {}
    for part in run.parts(TRACES) if texts else ():
        attempts = part.filter(pl.col("task_id").is_in(list(places)))
        for trace_id, task_id, *parts in attempts.select("trace_id", "task_id", "reasoning", "response").iter_rows():
            said = [text.strip() for text in parts if text is not None and len(text.strip()) >= _ATTEMPT]
            if trace_id in leaks:
                leaking_texts.setdefault(task_id, []).extend(said)
                continue
            for attempt in said:
                for place in places[task_id]:
                    if attempt in texts[place]:
                        texts[place] = texts[place].replace(attempt, "\n")
                        removed.setdefault(place, []).append(attempt)
                    if quotes[place]:
                        texts[place] = _without_quotes(texts[place], attempt)
    beside = [
        "\n".join(removed[place]) if place in removed and _holds(rest, leaking_texts.get(task_id, ())) else None
        for place, (task_id, rest) in enumerate(zip(contexts["task_id"], texts, strict=True))
    ]
    return contexts.select(
        "context_id", rest=pl.Series(texts, dtype=pl.String), attempts=pl.Series(beside, dtype=pl.String)
    )


def _holds(text: str, parts: Sequence[str]) -> bool:
    return any(part in text for part in parts)


def _without_quotes(text: str, source: str) -> str:
    """Remove the passages of eight words or more that a text shares with a source, whatever is between the words."""
    words = list(_WORD.finditer(text))
    theirs = [word.lower() for word in _WORD.findall(source)]
    grams = {tuple(theirs[start : start + _QUOTED]) for start in range(len(theirs) - _QUOTED + 1)}
    ours = [word[0].lower() for word in words]
    kept, end = list[str](), 0
    for start in range(len(ours) - _QUOTED + 1):
        if tuple(ours[start : start + _QUOTED]) in grams:
            first, last = words[start].start(), words[start + _QUOTED - 1].end()
            kept += [text[end:first], "\n"] if first > end else []
            end = max(end, last)
    return "".join([*kept, text[end:]])
