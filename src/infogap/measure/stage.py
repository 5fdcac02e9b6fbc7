"""The measure stage: how much uncertainty a trace voices, and whether it gives its teacher's context away."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from infogap.console import progress
from infogap.measure.answer_changes import answer_changes
from infogap.measure.forks import fork_rates
from infogap.measure.leaks import LeakScan, Seen, load_leaks
from infogap.measure.leaks.told import context_texts, ladder_names
from infogap.measure.lexicon import Lexicon, load
from infogap.measure.places import lexicon_row
from infogap.measure.scores import UNSCORED, scores_of
from infogap.measure.text import measured_text, word_count
from infogap.recipe.measure import Bands
from infogap.run import Run
from infogap.schema import BAND_NAMES, CONTEXTS, GAPS, MEASURES, TASKS, TRACES
from infogap.stage import Outcome, Stage

_SELF_CORRECTION = "self_correction"  # the category of the infogap lexicon
_COLUMNS = ("trace_id", "task_id", "privilege", "context_id", "reasoning", "response", "completion_tokens", "error")
_NO_TASK: tuple[str, str | None] = ("", None)


def _part(run: Run) -> dict[str, Any]:
    lexicons = [load(name, run.resolve) for name in run.recipe.measure.lexicons]
    # The gap is a stage of its own: what it takes from the recipe shows here only by its table.
    return run.recipe.measure.model_dump(mode="json", by_alias=True, exclude={"gap"}) | {
        "lexicon_contents": [lexicon.digest for lexicon in lexicons],
        "self_corrections": load("infogap", run.resolve).digest,
        "leaks": load_leaks().digest,
    }


def _make(run: Run) -> Outcome:
    measuring = Measuring.of(run)
    tasks = {
        task_id: (question or "", answer)
        for part in run.parts(TASKS)
        for task_id, question, answer in part.select("task_id", "question", "answer").iter_rows()
    }
    forks = fork_rates(run, run.recipe.measure.fork_entropy)
    bands, leaking = Counter[str | None](), 0
    with run.rewrite(MEASURES) as out, progress("measure", run.rows(TRACES), "traces") as advance:
        for part in run.parts(TRACES):
            rows = []
            contexts = context_texts(run, part["context_id"])
            scores = scores_of(run, part["trace_id"])
            for trace in part.select(_COLUMNS).iter_rows(named=True):
                question, gold = tasks.get(trace["task_id"], _NO_TASK)
                measured = measuring.row(trace, question, gold, contexts.get(trace["context_id"]))
                scored = scores.get(trace["trace_id"], UNSCORED)
                rows.append(measured | scored | {"fork_rate": forks.get(trace["trace_id"])})
                bands[rows[-1]["band"]] += 1
                leaking += rows[-1]["leak"]
                advance()
            out.write(MEASURES.frame(rows))
    counts = {band: bands[band] for band in BAND_NAMES} | {"without_text": bands[None], "leaks": leaking}
    return Outcome(out.rows, counts)


@dataclass(frozen=True)
class Measuring:
    """What a recipe measures by: its lexicons (the first gives the band), its cut points, and the scan for leaks."""

    lexicons: list[Lexicon]
    bands: Bands
    own: Lexicon  # for self-corrections, whatever lexicons the recipe names
    leaks: LeakScan
    privileges: dict[str, str]  # the ladder's names, by the recipe's

    @classmethod
    def of(cls, run: Run) -> Measuring:
        measure = run.recipe.measure
        lexicons = [load(name, run.resolve) for name in measure.lexicons]
        shipped = load("infogap", run.resolve)
        own = next((lexicon for lexicon in lexicons if lexicon.digest == shipped.digest), shipped)
        return cls(lexicons, measure.bands, own, load_leaks(), ladder_names(run))

    def row(self, trace: dict[str, Any], question: str, gold: str | None, context: str | None) -> dict[str, Any]:
        """A trace's measures but for its fork rate and its scores; `context` is what its teacher saw besides.

        Densities are per 1,000 tokens, or per 1,000 words where the tokens are not known.

        A trace without text (its request failed, or the teacher said nothing) has no density and no band.
        """
        text = "" if trace["error"] is not None else measured_text(trace["reasoning"], trace["response"])
        words = word_count(text)
        length, unit = (trace["completion_tokens"], "tokens") if trace["completion_tokens"] else (words, "words")
        reasoning = len(trace["reasoning"] or "") if text else 0
        spans = [lexicon.spans(text) for lexicon in self.lexicons]
        measured = [
            lexicon_row(lexicon, found, len(text), reasoning, length if words else 0)
            for lexicon, found in zip(self.lexicons, spans, strict=True)
        ]
        own = next((found for lexicon, found in zip(self.lexicons, spans, strict=True) if lexicon is self.own), None)
        own = self.own.spans(text) if own is None else own
        privilege = self.privileges.get(trace["privilege"], trace["privilege"] or "")
        leaking = self.leaks.find(Seen.of(text, question, context, gold, privilege))
        density = measured[0]["epistemic_density"]
        return {
            "trace_id": trace["trace_id"],
            "words": words,
            "reasoning_words": word_count(text[:reasoning]),
            "epistemic_count": measured[0]["epistemic_count"],
            "epistemic_density": density,
            "density_per": None if density is None else unit,
            "band": band_of(density, self.bands),
            "markers": measured[0]["markers"],
            "lexicons": measured,
            "self_corrections": sum(self.own.markers[marker] == _SELF_CORRECTION for _, _, marker in own),
            "answer_changes": answer_changes(text),
            "leak": bool(leaking.leaks),
            "leaks": leaking.leaks,
            "copied_share": leaking.copied_share,
            "longest_copy": leaking.longest_copy,
        }


def band_of(density: float | None, bands: Bands) -> str | None:
    """The confidence band of a density: below `mixed` confident, below `uncertain` mixed, from there on uncertain."""
    if density is None:
        return None
    if density < bands.mixed:
        return "confident"
    return "mixed" if density < bands.uncertain else "uncertain"


STAGE = Stage("measure", (MEASURES.name,), (TASKS.name, CONTEXTS.name, TRACES.name, GAPS.name), 7, _part, _make)
