"""Find the answer on which a task's unguided samples agree, for `verifier: consensus`.

Majority voting over sampled answers is self-consistency (Wang et al. 2022, arXiv 2203.11171); as a label for training
without gold answers it is that of TTRL (Zuo et al. 2025, arXiv 2504.16084). Here answers are the same if the verifier
that compares them says so, not if their texts are, and too small a majority gives no label.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infogap.recipe import Recipe
from infogap.recipe.verify_section import FEWEST_AGREEING, Verify
from infogap.runs.run_folder import Run, read_columns
from infogap.schema import TRACES
from infogap.verify.base import Grade, Item
from infogap.verify.grade_traces import TRACE_COLUMNS, readable
from infogap.verify.grading_pool import grade_all
from infogap.verify.verifiers import gold_verifier, verifier
from infogap.verify.verifiers.consensus import AGREED
from infogap.verify.verifiers.consensus import NAME as CONSENSUS

_ROUNDING = 1e-9
_MOST_SHOWN = 100  # characters of an answer in `detail`

Task = dict[str, Any]
_Said = tuple[str, bool]  # an answer, and whether it is stated


@dataclass(frozen=True)
class Agreed:
    """What a task's unguided samples agree on: `agreeing` of `samples` give `answer`; without one, the `reason`."""

    answer: str | None
    agreeing: int
    samples: int
    reason: str | None = None

    @property
    def share(self) -> float:
        """The share of the samples that agree."""
        return round(self.agreeing / self.samples, 6) if self.samples else 0.0

    @property
    def in_words(self) -> str:
        """The counts, for `detail`."""
        answer = self.answer or ""
        shown = answer if len(answer) <= _MOST_SHOWN else f"{answer[: _MOST_SHOWN - 3]}..."
        return f"consensus of {self.agreeing} of {self.samples} unguided samples: {shown}"


def agreed_on(task: Task) -> Agreed | None:
    """Return what the samples of a task from `with_agreed_answers` agree on; None for a task of another verifier."""
    known = orjson.loads(task["metadata"] or "{}").get(AGREED)
    return Agreed(**known) if known else None


def with_agreed_answers(run: Run, tasks: pl.DataFrame) -> pl.DataFrame:
    """Give tasks of `verifier: consensus` the answer that traces are graded against.

    `tasks` has the columns of the tasks table. Where samples agree, `verifier` becomes the one that compares answers
    and `answer` the agreed one, in place of any gold answer; elsewhere `answer` is null. `metadata` holds the counts.
    Only unguided samples of the first round count: later ones, and top-ups, change no verdict.
    """
    own = tasks.filter(pl.col("verifier") == CONSENSUS)
    if not own.height:
        return tasks
    rows = {row["task_id"]: row for row in own.iter_rows(named=True)}
    agreed = agreed_answers(rows, _said(run, rows), _minimum(run.recipe), run.base)
    changed = [_graded_against(row, agreed[task_id]) for task_id, row in rows.items()]
    return tasks.update(pl.DataFrame(changed, schema=tasks.schema), on="task_id", include_nulls=True)


def _graded_against(task: Task, agreed: Agreed) -> Task:
    metadata = orjson.loads(task["metadata"] or "{}") | {AGREED: asdict(agreed)}
    graded_by = CONSENSUS if agreed.answer is None else gold_verifier(task)
    return task | {"verifier": graded_by, "answer": agreed.answer, "metadata": orjson.dumps(metadata).decode()}


def _minimum(recipe: Recipe) -> float:
    return (recipe.verify or Verify()).consensus_rule.minimum


def _said(run: Run, tasks: dict[str, Task]) -> dict[str, list[_Said | None]]:
    """Read the answers of each task's unguided samples; None for a sample without an answer that can be compared."""
    generate = run.recipe.generate
    label = generate.unguided.label if generate else "unguided"
    readers = {task_id: task | {"verifier": gold_verifier(task), "answer": ""} for task_id, task in tasks.items()}
    said: defaultdict[str, list[_Said | None]] = defaultdict(list)
    for path in replace(run, with_derived=False).part_paths(TRACES):
        part = read_columns(path, [*TRACE_COLUMNS, "privilege", "round"]).filter(
            pl.col("privilege") == label,
            pl.col("round").fill_null(0) == 0,
            pl.col("error").is_null(),
            pl.col("task_id").is_in(list(tasks)),
        )
        for trace in part.iter_rows(named=True):
            item = readable(readers[trace["task_id"]], trace)
            said[trace["task_id"]].append((item.answer, item.stated) if isinstance(item, Item) else None)
    return said


def agreed_answers(
    tasks: dict[str, Task], said: dict[str, list[_Said | None]], minimum: float, folder: Path
) -> dict[str, Agreed]:
    """Find what the samples of each task agree on: at least a share `minimum` of them, and two.

    The answer with most samples wins; answers that are not equal and have equally many are a tie, and no answer. Of
    equal forms the shortest stands for all, so that neither the order of the samples nor their forms matter.
    """
    candidates = _candidates(tasks, said)
    pairs = [
        (f"{task_id} {place} {gold}", _item(tasks[task_id], answer, gold))
        for task_id, golds in candidates.items()
        for place, answer in enumerate(_different(said[task_id]))
        for gold in golds
        if answer[0] != gold
    ]
    equal, unknown = set[str](), set[str]()
    names = {gold_verifier(task) for task in tasks.values()}
    with closing(grade_all(_work(pairs), verifiers=names, folder=folder)) as grades:
        for key, grade in grades:
            if grade.verdict in ("correct", "ungradable"):
                (equal if grade.verdict == "correct" else unknown).add(key)
    return {
        task_id: _agreed(task_id, said.get(task_id, []), candidates.get(task_id, []), equal, unknown, minimum)
        for task_id in tasks
    }


def _agreed(
    task_id: str, said: list[_Said | None], candidates: list[str], equal: set[str], unknown: set[str], minimum: float
) -> Agreed:
    """Count the samples that are equal to each candidate, and decide; `unknown` pairs could not be compared."""
    if not said:
        return Agreed(None, 0, 0, "the task has no unguided samples to agree on an answer")
    keyed = [(answer, f"{task_id} {place}") for place, answer in enumerate(_different(said))]
    counts = Counter(answer for answer in said if answer is not None)
    same = {
        gold: frozenset(answer for answer, key in keyed if answer[0] == gold or f"{key} {gold}" in equal)
        for gold in candidates
    }
    agreeing = {gold: sum(counts[answer] for answer in same[gold]) for gold in candidates}
    most = max(agreeing.values(), default=0)
    if most < FEWEST_AGREEING or most < minimum * len(said) - _ROUNDING:
        wanted = f"at least {FEWEST_AGREEING} and a share of {minimum:g} have to"
        return Agreed(None, most, len(said), f"no consensus: {most} of {len(said)} unguided samples agree; {wanted}")
    first = next(gold for gold in candidates if agreeing[gold] == most)
    others = [gold for gold in candidates if not same[first] & same[gold]]
    if any(agreeing[gold] == most for gold in others):
        return Agreed(None, most, len(said), f"no consensus: a tie of answers with {most} of {len(said)} samples each")
    possible = {gold: sum(counts[answer] for answer, key in keyed if f"{key} {gold}" in unknown) for gold in others}
    if any(agreeing[gold] + possible[gold] >= most for gold in others if possible[gold]):
        return Agreed(None, most, len(said), "no consensus: answers that decide it could not be compared")
    return Agreed(first, most, len(said))


def _candidates(tasks: dict[str, Task], said: dict[str, list[_Said | None]]) -> dict[str, list[str]]:
    """Return the answers of each task that could be its gold answer, in its form, the shortest first."""
    by_verifier: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for task_id, answers in said.items():
        name, question = gold_verifier(tasks[task_id]), tasks[task_id]["question"]
        golds = {verifier(name).gold_answer(question, answer) for answer, _ in _different(answers)}
        by_verifier[name] |= {(task_id, gold) for gold in golds}
    candidates: defaultdict[str, list[str]] = defaultdict(list)
    for name, of_tasks in by_verifier.items():
        ordered = sorted(of_tasks, key=lambda each: (each[0], len(each[1]), each[1]))
        reasons = verifier(name).check_golds([(tasks[task_id]["question"], gold) for task_id, gold in ordered])
        for (task_id, gold), reason in zip(ordered, reasons, strict=True):
            if reason is None and gold:
                candidates[task_id].append(gold)
    return candidates


def _different(said: list[_Said | None]) -> list[_Said]:
    return sorted({answer for answer in said if answer is not None})


def _item(task: Task, answer: _Said, gold: str) -> Item:
    text, is_stated = answer
    return Item(gold_verifier(task), task["question"], gold, task["metadata"], text, is_stated)


def _work(pairs: list[tuple[str, Item]]) -> Iterator[tuple[str, Item | Grade]]:
    for key, item in pairs:
        grader = verifier(item.verifier)
        yield key, item if grader.needs_worker else grader.grade(item)
