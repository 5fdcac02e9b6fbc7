"""Score each trace under the teacher's and the student's prompt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from infogap.errors import ExternalError, StoppedError
from infogap.gap.gap_rows import NO_RANKS, GapRows, TextScores, unscored_row
from infogap.gap.gap_scorer import scorer_identity, scorer_name, scorer_on_demand
from infogap.gap.score_cache import FOLDER, ScoredStore, progress_on_disk
from infogap.gap.scored_texts import Prompts, TraceTexts
from infogap.interrupts import Stopping, run_stoppable
from infogap.progress import progress
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, ReasonCounts
from infogap.schema import CONTEXTS, GAPS, TASKS, TOKEN_GAPS, TRACE_TURNS, TRACES, VERDICTS, Table
from infogap.teachers.scorer import Scored, Scorer, TextToScore
from infogap.verify.pass_rate_filter import PROBED, not_selected

_COLUMNS = ("trace_id", *PROBED, "privilege", "context_id", "reasoning", "response", "finish_reason", "error")


def score_traces(run: Run) -> Outcome:
    """Write the tables `gaps` and `token_gaps`. Raises StoppedError if the command ends before every text is scored."""
    store = ScoredStore(run.path / GAPS.name / FOLDER)
    with scorer_on_demand(run) as scorer:
        return run_stoppable(lambda stop: _score_all(run, scorer, store, stop), _stopped)


def _score_all(run: Run, scorer: Callable[[], Scorer], store: ScoredStore, stop: Stopping) -> Outcome:
    gap = run.recipe.measure.gap
    assert gap is not None
    prompts, gap_rows = Prompts(run, scorer_identity(run)), GapRows(scorer_name(run), gap.threshold)
    reasons, without_ranks = ReasonCounts(), 0
    total, done = run.rows(TRACES), _done_before(run, prompts, store)
    with (
        run.rewrite(GAPS) as out,
        run.rewrite(TOKEN_GAPS) as per_token,
        progress("gap", total, "traces", done=done) as shown,
        progress_on_disk(run.path / GAPS.name / FOLDER, done, total) as noted,
    ):

        def advance(traces: int = 1) -> None:
            shown(traces)
            noted(traces)

        for part in _parts(run, prompts):
            errors = _score_missing(part, scorer, store, stop, advance)
            rows, token_rows = [], []
            answers = _answers(run, [trace["trace_id"] for trace in part.traces])
            for trace, texts in zip(part.traces, part.texts, strict=True):
                if texts is None:
                    calls = trace["trace_id"] in part.calling
                    rows.append(unscored_row(trace, gap_rows.scorer, calls_tools=calls))
                else:
                    scores = TextScores(store.get(texts.keys), errors)
                    rows.append(gap_rows.row(trace["trace_id"], texts, scores, answers.get(trace["trace_id"])))
                    if gap.per_token and texts.student in scores.scored:
                        token_rows.append(gap_rows.token_row(trace["trace_id"], texts, scores))
                without_ranks += bool(rows[-1]["surprisal"]) and rows[-1]["rsr"] is None
                if rows[-1]["detail"] not in (None, NO_RANKS):
                    reasons.add(rows[-1]["detail"])
            out.write(GAPS.frame(rows))
            per_token.write(TOKEN_GAPS.frame(token_rows))
    counts = {"scored": out.rows - reasons.total, "not_scored": reasons.total}
    counts |= {"without_ranks": without_ranks} if without_ranks else {}
    return Outcome(out.rows, counts, _notes(run, reasons, without_ranks))


@dataclass(frozen=True)
class _Part:
    """A part's traces, the texts to score of each (None: it is not scored), and these texts by their keys.

    Tasks and equal prompts follow each other, so that a model can read a prompt once.
    """

    traces: list[dict[str, Any]]
    texts: list[TraceTexts | None]
    to_score: dict[str, TextToScore]
    calling: set[str]  # the traces that call tools, which are not scored

    @property
    def ranked(self) -> set[str]:
        """The keys of the texts whose tokens' ranks are needed: those under the student's prompt."""
        return {texts.student for texts in self.texts if texts is not None}


def _parts(run: Run, prompts: Prompts) -> Iterator[_Part]:
    """Yield the traces part by part, with the texts to score. Tasks that `select` leaves out are not scored."""
    left_out = set(not_selected(run).collect().iter_rows())
    for frame in run.parts(TRACES):
        traces = frame.select(_COLUMNS).to_dicts()
        outside = [tuple(trace[name] for name in PROBED) in left_out for trace in traces]
        tasks = _by_key(run, TASKS, [trace["task_id"] for trace in traces])
        contexts = _by_key(run, CONTEXTS, [trace["context_id"] for trace in traces])
        ids = [trace["trace_id"] for trace in traces] if run.recipe.imports else []
        calling = set(_by_key(run, TRACE_TURNS, ids))
        texts: list[TraceTexts | None] = []
        to_score: dict[str, TextToScore] = {}
        first = dict[str, int]()  # the number of the trace with which a task, or a prompt, first occurs
        order = dict[str, tuple[int, int]]()
        for number, trace in enumerate(traces):
            task = None if outside[number] else tasks.get(trace["task_id"])
            said = (trace["reasoning"] or trace["response"]) and trace["trace_id"] not in calling
            if trace["error"] is not None or not said or task is None:
                texts.append(None)
                continue
            context = contexts.get(trace["context_id"] or "")
            scored_as, needed = prompts.of(trace, task, context["text"] if context else None)
            texts.append(scored_as)
            for key, text in needed.items():
                prompt = text.messages[-1]["content"] if text.messages else ""
                places = (first.setdefault(trace["task_id"], number), first.setdefault(prompt, number))
                order.setdefault(key, places)
                to_score.setdefault(key, text)
        yield _Part(traces, texts, dict(sorted(to_score.items(), key=lambda item: order[item[0]])), calling)


def _by_key(run: Run, table: Table, keys: list[str | None]) -> dict[str, dict[str, Any]]:
    wanted = sorted({key for key in keys if key is not None})
    rows = run.scan(table).filter(pl.col(table.key).is_in(wanted)).collect()
    return {row[table.key]: row for row in rows.iter_rows(named=True)}


def _done_before(run: Run, prompts: Prompts, store: ScoredStore) -> int:
    """Count the traces whose texts are all scored on disk."""
    if store.empty:
        return 0
    done = 0
    for part in _parts(run, prompts):
        missing = store.missing(part.to_score, part.ranked)
        done += sum(texts is None or missing.isdisjoint(texts.keys) for texts in part.texts)
    return done


def _score_missing(
    part: _Part, scorer: Callable[[], Scorer], store: ScoredStore, stop: Stopping, advance: Callable[[int], None]
) -> dict[str, str]:
    """Score the texts that have no score on disk; return why texts could not be scored, by key.

    Raises StoppedError if the command ends before every text is scored.
    """
    missing = store.missing(part.to_score, part.ranked)
    errors: dict[str, str] = {}
    if not missing:
        return errors
    waiting = [missing.intersection(texts.keys) for texts in part.texts if texts is not None]
    of_key: dict[str, list[set[str]]] = {}
    for keys in waiting:
        for key in keys:
            of_key.setdefault(key, []).append(keys)

    def unscored() -> Iterator[TextToScore]:
        for key, text in part.to_score.items():
            if key in missing:
                if stop.asked:
                    return
                yield text

    for scored in scorer().score(unscored()):
        if scored.error is None:
            store.add(scored)
        else:
            errors[scored.key] = scored.error
        for keys in of_key[scored.key]:
            keys.discard(scored.key)
            if not keys:
                advance(1)
    left = store.missing(missing, part.ranked) - errors.keys()
    if left and stop.asked:
        raise _stopped()
    if left:
        raise ExternalError(f"the model left {len(left):,} texts without a score")
    return errors


def _stopped() -> StoppedError:
    return StoppedError("stopped as asked: the scores so far are on disk; the same command continues from there")


def _answers(run: Run, trace_ids: list[str]) -> dict[str, str]:
    """Read the final answers that the verifier extracted, by trace_id."""
    rows = run.scan(VERDICTS).filter(pl.col("trace_id").is_in(trace_ids)).select("trace_id", "extracted_answer")
    return {trace_id: answer for trace_id, answer in rows.collect().iter_rows() if answer}


def _notes(run: Run, reasons: ReasonCounts, without_ranks: int) -> list[str]:
    ranks = [
        f"{without_ranks:,} of the traces have no Rank-Surprisal Ratio (`rsr`): {NO_RANKS}. vLLM and the embedded "
        f"model give them; the scores without are kept in {run.path / GAPS.name / FOLDER}"
    ] * bool(without_ranks)
    if not reasons.total:
        return ranks
    return [
        f"{reasons.total:,} of the traces lack a score ({reasons.commonest}); "
        f"`detail` in {run.path / GAPS.name} says why, trace by trace",
        *ranks,
    ]


def borrow_scores(run: Run, others: Iterable[Run]) -> None:
    """Copy from other runs the scores of texts that are not scored here yet."""
    store = ScoredStore(run.path / GAPS.name / FOLDER)
    lenders = [ScoredStore(other.path / GAPS.name / FOLDER) for other in others]
    for part in _parts(run, Prompts(run, scorer_identity(run))):
        for lender in lenders:
            for key, text in sorted(lender.get(store.missing(part.to_score, part.ranked)).items()):
                ranks = None if text.ranks is None else text.ranks.tolist()
                if ranks or key not in part.ranked:  # a score without ranks may be from before ranks were kept
                    store.add(
                        Scored(key, text.tokens.tolist(), text.logprobs.tolist(), text.offsets.tolist(), ranks=ranks)
                    )
