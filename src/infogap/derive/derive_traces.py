"""Make traces from a run's own, grade them, and say which trace each was made from."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import polars as pl

from infogap.derive.changed_trace import Draws, NothingToChangeError, TraceText
from infogap.derive.derived_text import OtherSteps, derived_text
from infogap.derive.stage import LEXICON
from infogap.errors import StoppedError
from infogap.ids import derived_seed, stable_id
from infogap.interrupts import Stopping, run_stoppable
from infogap.measure.lexicon import Lexicon, load
from infogap.progress import progress
from infogap.recipe.derive_section import Derivation
from infogap.runs.run_folder import ROWS_PER_PART, Run, read_part
from infogap.runs.stage import Outcome, commonest_reasons
from infogap.schema import DERIVATIONS, DERIVED, DERIVED_VERDICTS, TASKS, TRACE_TURNS, TRACES, VERDICTS
from infogap.tasks.held_out_tasks import families_held_out
from infogap.verify.grade_run import by_id, grade_run, tasks_to_grade
from infogap.verify.grade_traces import tasks_by_id
from infogap.verify.judging.vote_counts import spending_in_words, votes_and_cost
from infogap.verify.verifiers import gold_verifier, is_known, verifier

_DONORS = 500  # traces whose steps can be inserted into others
_STEPS_OF_ONE = 4  # of each of them


@dataclass
class _Made:
    """What one entry has made so far."""

    traces: int = 0
    parents: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def derive_traces(run: Run) -> Outcome:
    """Derive entry by entry, part by part, in bounded memory; then grade what was made."""
    entries = run.recipe.derive or []
    run = replace(run, with_derived=False)
    lexicon, tasks = load(LEXICON, run.resolve), tasks_by_id(run)
    made = {entry.name: _Made() for entry in entries}
    others = _steps_of_others(run) if any(entry.insert_steps for entry in entries) else {}
    with (
        run.rewrite(DERIVATIONS) as derivations,
        run.rewrite(DERIVED) as derived,
        progress("derive", run.rows(TRACES) * len(entries), "traces") as advance,
    ):
        for entry in entries:
            for parents in _parents(run):
                rows = [
                    row
                    for parent in parents.iter_rows(named=True)
                    if (row := _derived(run, entry, parent, tasks, lexicon, others, made[entry.name])) is not None
                ]
                derived.write(DERIVED.frame([trace for trace, _ in rows]))
                derivations.write(DERIVATIONS.frame([derivation for _, derivation in rows]))
                advance(parents.height)
    if run.recipe.verify is not None and run.recipe.verify.judge is not None:
        ended = StoppedError("stopped: the same command continues from there")
        verdicts = run_stoppable(partial(_grade, run, derived.rows), lambda: ended)
    else:
        verdicts = _grade(run, derived.rows)
    counts = {
        "derived": {name: {"traces": each.traces, "parents": each.parents} for name, each in made.items()},
        "verdicts": dict(sorted(verdicts.items())),
    }
    counts |= votes_and_cost(run, by_id(tasks_to_grade(run)), DERIVED, DERIVED_VERDICTS)
    notes = [*_notes(made), *_right_all_the_same(run, entries), *spending_in_words(counts)]
    return Outcome(derived.rows, counts, notes)


def _parents(run: Run) -> Iterator[pl.DataFrame]:
    """Yield the answered traces part by part, with their verdicts, the answers that they state, and `calls_tools`."""
    verdicts = run.scan(VERDICTS).select("trace_id", "verdict", "extracted_answer").collect()
    calling = run.scan(TRACE_TURNS).select("trace_id").collect()["trace_id"].to_list() if run.recipe.imports else []
    for path in run.part_paths(TRACES):
        part = read_part(path, TRACES).filter(pl.col("error").is_null())
        part = part.join(verdicts, on="trace_id", how="left", maintain_order="left")
        yield part.with_columns(calls_tools=pl.col("trace_id").is_in(calling))


def _derived(
    run: Run,
    entry: Derivation,
    parent: dict[str, Any],
    tasks: dict[str, dict[str, Any]],
    lexicon: Lexicon,
    others: OtherSteps,
    made: _Made,
) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the rows of a derived trace and of its derivation; None if this entry does not derive from the parent."""
    change = entry.change
    if parent["verdict"] not in change.verdicts:
        return None
    if change.privileges is not None and parent["privilege"] not in change.privileges:
        return None
    made.parents += 1
    if parent["calls_tools"]:
        made.skipped["it has tools, or several turns"] += 1
        return None
    task = tasks.get(parent["task_id"]) or {}
    if entry.wrong_answer and _is_program(task):
        made.skipped["its answer is a program"] += 1
        return None
    text = TraceText(
        parent["trace_id"],
        task.get("question") or "",
        parent["reasoning"] or "",
        parent["response"] or "",
        parent["extracted_answer"],
    )
    try:
        changed = derived_text(entry, text, parent["task_id"], Draws(run.recipe.seed), lexicon, others)
    except NothingToChangeError as reason:
        made.skipped[str(reason)] += 1
        return None
    made.traces += 1
    options = change.model_dump(mode="json", by_alias=True)
    row = {name: parent[name] for name in TRACES.schema} | {
        "trace_id": stable_id("derived", parent["trace_id"], entry.kind, entry.name, options, run.recipe.seed),
        "privilege": f"{parent['privilege']}/{entry.name}",
        "reasoning": changed.reasoning,
        "response": changed.response,
        "seed": None,
        "prompt_tokens": None,
        "completion_tokens": None,
    }
    return row, {"trace_id": row["trace_id"], "parent_id": parent["trace_id"], "derived": entry.name}


def _is_program(task: dict[str, Any]) -> bool:
    name = gold_verifier(task) if task else ""
    return is_known(name) and verifier(name).answer_is_program


def _steps_of_others(run: Run) -> OtherSteps:
    """Draw traces by the seed, and steps of each, in an order that does not depend on that of the table.

    None are of tasks of families that are held out: these must be in no mix, nor a split with others.
    """
    tasks = run.scan(TASKS).select("task_id", "family").collect()
    held_out = families_held_out(run.recipe, tasks["family"].unique())
    usable = tasks.filter(~pl.col("family").is_in(held_out).fill_null(value=False))["task_id"].to_list()
    order: list[tuple[int, str]] = []
    for part in _parents(run):
        fits = (pl.col("verdict") == "correct") & ~pl.col("calls_tools") & pl.col("task_id").is_in(usable)
        own = part.filter(fits)["trace_id"]
        order += [(derived_seed(run.recipe.seed, "donor", trace_id), trace_id) for trace_id in own]
        order = sorted(order)[:_DONORS]
    wanted = [trace_id for _, trace_id in order]
    by_task: defaultdict[str, list[str]] = defaultdict(list)
    rows: dict[str, dict[str, Any]] = {}
    for part in _parents(run):
        rows |= {row["trace_id"]: row for row in part.filter(pl.col("trace_id").is_in(wanted)).iter_rows(named=True)}
    for trace_id in wanted:
        row = rows[trace_id]
        text = TraceText(trace_id, "", row["reasoning"] or "", row["response"] or "")
        try:
            steps = text.thought().bodies
        except NothingToChangeError:
            continue
        drawn = Draws(run.recipe.seed).of(text, "donor").permutation(len(steps))[:_STEPS_OF_ONE]
        by_task[row["task_id"]] += [steps[place] for place in sorted(drawn.tolist())]
    return by_task


def _grade(run: Run, count: int, stop: Stopping | None = None) -> Counter[str]:
    """Grade the derived traces like any other, and write their verdicts."""
    verdicts = Counter[str]()
    parts = ((read_part(path, DERIVED), VERDICTS.empty()) for path in run.part_paths(DERIVED))
    with (
        run.rewrite(DERIVED_VERDICTS) as out,
        closing(grade_run(run, by_id(tasks_to_grade(run)), parts, stop)) as graded,
        progress("grade", count, "traces") as advance,
    ):
        while rows := list(islice(graded, ROWS_PER_PART)):
            out.write(DERIVED_VERDICTS.frame(rows))
            verdicts.update(row["verdict"] for row in rows)
            advance(len(rows))
    return verdicts


def _notes(made: dict[str, _Made]) -> Iterator[str]:
    for name, each in made.items():
        if not each.parents:
            yield f"{name}: no trace has the verdicts and privileges that it is made from"
        elif each.skipped:
            yield (
                f"{name}: {each.traces:,} derived from {each.parents:,} traces; left out: "
                f"{commonest_reasons(each.skipped)}"
            )


def _right_all_the_same(run: Run, entries: list[Derivation]) -> Iterator[str]:
    """Yield a note on each entry that makes answers wrong, if some are graded correct."""
    names = [entry.name for entry in entries if entry.wrong_answer]
    correct = run.scan(DERIVED_VERDICTS).filter(verdict="correct").select("trace_id")
    right = run.scan(DERIVATIONS).join(correct, on="trace_id", how="semi").filter(pl.col("derived").is_in(names))
    for name, count in right.group_by("derived").len().sort("derived").collect().iter_rows():
        graded = f"{count:,} {'trace is' if count == 1 else 'traces are'} graded correct all the same"
        yield f"{name}: {graded}; `balance: {{verdict: {{wrong: 1}}}}` leaves them out"
