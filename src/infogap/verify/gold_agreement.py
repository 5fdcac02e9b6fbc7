"""How far verdicts that no gold answer gave agree with gold answers, where tasks have both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl

from infogap.ids import derived_seed
from infogap.runs.run_folder import Run, read_part
from infogap.schema import TASKS, TRACES, VERDICTS
from infogap.verify.agreed_answers import agreed_on
from infogap.verify.base import Grade, Item
from infogap.verify.grade_traces import Tasks, grade_traces
from infogap.verify.grading_pool import grade_all
from infogap.verify.verifiers import gold_verifier, verifier
from infogap.verify.verifiers.consensus import NAME as CONSENSUS
from infogap.verify.verifiers.judge import NAME as JUDGE

FEWEST_TASKS = 6  # for an interval
_RESAMPLES = 2_000
_AT_A_TIME = 100  # resamples
_LEVEL = 0.95
_CELLS = ("both", "judge_alone", "gold_alone", "neither")  # who finds a trace correct


@dataclass(frozen=True)
class ConsensusAgreement:
    """Tasks of `verifier: consensus`: those with a consensus, those of them with a gold answer, and equal to it.

    `low` and `high` bound the share of equal ones: Wilson's interval (1927, "Probable Inference, the Law of Succession,
    and Statistical Inference", Journal of the American Statistical Association 22), at 95 %; None if none is compared.
    """

    tasks: int
    agreed: int
    compared: int
    same: int
    low: float | None
    high: float | None


@dataclass(frozen=True)
class JudgeAgreement:
    """Traces on which judge and gold verifier both decided, by who finds them correct; and Cohen's kappa.

    Kappa (Cohen 1960, "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement 20) is
    the share of agreement beyond that expected by chance, and None where one of them always says the same. `low` and
    `high` are its 95 % interval, the percentiles of a bootstrap over tasks, as traces of one task are not independent;
    None with fewer than 6 tasks. `ungraded` traces have no verdict of one of the two.
    """

    both: int
    judge_alone: int
    gold_alone: int
    neither: int
    tasks: int
    ungraded: int
    kappa: float | None
    low: float | None
    high: float | None

    @property
    def traces(self) -> int:
        return self.both + self.judge_alone + self.gold_alone + self.neither


def consensus_agreement(run: Run, graded: Tasks) -> ConsensusAgreement | None:
    """Compare consensus with gold answers, by the verifier that compares a task's answers.

    `graded` are the tasks of `tasks_to_grade`. Returns None for a run without such tasks.
    """
    agreed = {task_id: each for task_id, task in graded.items() if (each := agreed_on(task))}
    if not agreed:
        return None
    own = run.scan(TASKS).filter(verifier=CONSENSUS).drop("solution").collect().sort("task_id")
    items = [
        (task["task_id"], Item(gold_verifier(task), task["question"], task["answer"], task["metadata"], answer))
        for task in own.iter_rows(named=True)
        if task["answer"] is not None and (answer := agreed[task["task_id"]].answer)
    ]
    with closing(grade_all(_work(items), verifiers={item.verifier for _, item in items}, folder=run.base)) as grades:
        verdicts = [grade.verdict for _, grade in grades]
    compared = sum(verdict in ("correct", "wrong") for verdict in verdicts)
    same = verdicts.count("correct")
    with_answer = sum(each.answer is not None for each in agreed.values())
    return ConsensusAgreement(len(agreed), with_answer, compared, same, *_share_interval(same, compared))


def _work(items: list[tuple[str, Item]]) -> Iterator[tuple[str, Item | Grade]]:
    for key, item in items:
        grader = verifier(item.verifier)
        yield key, item if grader.needs_worker else grader.grade(item)


def _share_interval(part: int, whole: int) -> tuple[float | None, float | None]:
    if not whole:
        return None, None
    from scipy.stats import binomtest

    interval = binomtest(part, whole).proportion_ci(_LEVEL, method="wilson")
    return round(float(interval.low), 6), round(float(interval.high), 6)


def judge_agreement(run: Run) -> JudgeAgreement | None:
    """Grade the judge's traces by their gold answers too, with the verifier that the source names in `check_with`.

    Returns None for a run without such tasks. A trace without an answer is not correct to the gold verifier.
    """
    tasks = run.scan(TASKS).filter(pl.col("verifier") == JUDGE, pl.col("answer").is_not_null()).drop("solution")
    checked = {
        task["task_id"]: task | {"verifier": name}
        for task in tasks.collect().iter_rows(named=True)
        if (name := gold_verifier(task)) != JUDGE
    }
    if not checked:
        return None
    by_judge = run.scan(VERDICTS).select("trace_id", "verdict").collect()
    parts = (
        (read_part(path, TRACES).filter(pl.col("task_id").is_in(list(checked))), VERDICTS.empty())
        for path in run.part_paths(TRACES)
    )
    with closing(grade_traces(checked, parts, run.base)) as rows:
        pairs = [(row["trace_id"], row["verdict"]) for row in rows]
    by_gold = pl.DataFrame(pairs, schema={"trace_id": pl.String, "gold": pl.String}, orient="row")
    traces = run.scan(TRACES).select("trace_id", "task_id").collect()
    both = by_gold.join(by_judge, on="trace_id").join(traces, on="trace_id")
    decided = both.filter(pl.col("verdict").is_in(["correct", "wrong"]), pl.col("gold") != "ungradable")
    by_task = (
        decided.with_columns(judge=pl.col("verdict") == "correct", gold=pl.col("gold") == "correct")
        .group_by("task_id")
        .agg(
            both=(pl.col("judge") & pl.col("gold")).sum(),
            judge_alone=(pl.col("judge") & ~pl.col("gold")).sum(),
            gold_alone=(~pl.col("judge") & pl.col("gold")).sum(),
            neither=(~pl.col("judge") & ~pl.col("gold")).sum(),
        )
        .sort("task_id")
    )
    cells = by_task.select(_CELLS).to_numpy().astype(np.int64).reshape(-1, len(_CELLS))
    both_correct, judge_alone, gold_alone, neither = cells.sum(axis=0).tolist()
    low, high = _kappa_interval(cells, derived_seed("kappa", run.recipe.seed))
    return JudgeAgreement(
        both_correct,
        judge_alone,
        gold_alone,
        neither,
        tasks=by_task.height,
        ungraded=both.height - decided.height,
        kappa=_rounded(kappa(cells.sum(axis=0))),
        low=low,
        high=high,
    )


def kappa(cells: np.ndarray) -> np.ndarray:
    """Compute Cohen's kappa of the cells of 2 by 2 tables, the last axis; NaN where it is not defined."""
    both, judge_alone, gold_alone, neither = np.moveaxis(np.asarray(cells, float), -1, 0)
    total = both + judge_alone + gold_alone + neither
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = (both + neither) / total
        judge, gold = (both + judge_alone) / total, (both + gold_alone) / total
        expected = judge * gold + (1 - judge) * (1 - gold)
        result: np.ndarray = np.where(expected < 1, (observed - expected) / (1 - expected), np.nan)
    return result


def _kappa_interval(cells: np.ndarray, seed: int) -> tuple[float | None, float | None]:
    """Return the percentiles of kappa over resampled tasks; resamples in which it is not defined are left out."""
    tasks = len(cells)
    if tasks < FEWEST_TASKS or np.isnan(kappa(cells.sum(axis=0))):
        return None, None
    random = np.random.default_rng(seed)
    weights = np.full(tasks, 1 / tasks)
    resampled = np.concatenate(
        [kappa(random.multinomial(tasks, weights, _AT_A_TIME) @ cells) for _ in range(_RESAMPLES // _AT_A_TIME)]
    )
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile(resampled[~np.isnan(resampled)], [tail, 1 - tail])
    return _rounded(low), _rounded(high)


def _rounded(value: Any) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def as_counts(agreement: ConsensusAgreement | JudgeAgreement) -> dict[str, Any]:
    """Return an agreement for the manifest, without what is not known."""
    return {name: value for name, value in asdict(agreement).items() if value is not None}
