"""What is measured of traces, many at a time: nothing here reads or writes the run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from infogap.leaks import ContextKind, LeakScan, Seen, load_leaks
from infogap.leaks.context_lookup import context_kinds
from infogap.measure.answer_changes import answer_changes
from infogap.measure.lexicon import Lexicon, load
from infogap.measure.markers import MarkerFinder
from infogap.measure.places import lexicon_entries
from infogap.recipe.measure_section import Bands
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES
from infogap.text.trace_text import measured_text, word_counts

_SELF_CORRECTION = "self_correction"  # the category of the infogap lexicon
TAKEN_OVER = ("trace_id", "fork_rate", "gap", "gap_per_token", "surprisal")
"""Columns of the measures that come with the traces."""


@dataclass(frozen=True)
class Measuring:
    """What a recipe measures by: its lexicons (the first gives the band), its cut points, and the scan for leaks."""

    lexicons: list[Lexicon]
    bands: Bands
    own: Lexicon  # for self-corrections, whatever lexicons the recipe names
    leaks: LeakScan
    context_kinds: dict[str, ContextKind]  # by what the run's tables call the privilege

    @classmethod
    def of(cls, run: Run) -> Measuring:
        measure = run.recipe.measure
        lexicons = [load(name, run.resolve) for name in measure.lexicons]
        shipped = load("infogap", run.resolve)
        own = next((lexicon for lexicon in lexicons if lexicon.digest == shipped.digest), shipped)
        return cls(lexicons, measure.bands, own, load_leaks(), context_kinds(run))

    def measures(self, traces: pl.DataFrame) -> pl.DataFrame:
        """The measures of some traces, in their order.

        Takes columns of the traces, their tasks' `question` and `answer`, `context` (what the teacher saw besides), and
        those of TAKEN_OVER. Densities are per 1,000 tokens, or per 1,000 words where the tokens are not known.

        A trace without text (its request failed, or the teacher said nothing) has no density and no band.
        """
        texts = [
            "" if error is not None else measured_text(reasoning, response)
            for reasoning, response, error in traces.select("reasoning", "response", "error").iter_rows()
        ]
        questions = [question or "" for question in traces["question"]]
        reasoning = [
            len(thought or "") if text else 0 for thought, text in zip(traces["reasoning"], texts, strict=True)
        ]
        reasoning_words = word_counts([text[:end] for text, end in zip(texts, reasoning, strict=True)])
        response_words = word_counts([text[end:] for text, end in zip(texts, reasoning, strict=True)])
        # A line break parts the two, so their words add up.
        words = [first + second for first, second in zip(reasoning_words, response_words, strict=True)]
        tokens = traces["completion_tokens"].to_list()
        lengths = [(known or said) if said else 0 for known, said in zip(tokens, words, strict=True)]
        found = self._finder.find_all(texts, questions)
        characters = [len(text) for text in texts]
        entries = [
            lexicon_entries(lexicon, markers, characters, reasoning, lengths)
            for lexicon, markers in zip(self.lexicons, found, strict=False)  # `own` may come after them
        ]
        first = entries[0].struct.unnest().select("epistemic_count", "epistemic_density", "markers")
        own = found[self._counted.index(self.own)]
        corrects = np.array([category == _SELF_CORRECTION for category in self.own.markers.values()], bool)
        leaking = self.leaks.find_all(
            [
                Seen.of(text, question, context, gold, self.context_kinds.get(privilege, ContextKind()))
                for text, question, (context, gold, privilege) in zip(
                    texts, questions, traces.select("context", "answer", "privilege").iter_rows(), strict=True
                )
            ]
        )
        columns = {
            "words": words,
            "reasoning_words": reasoning_words,
            "density_per": [
                ("tokens" if known else "words") if said else None for known, said in zip(tokens, words, strict=True)
            ],
            "band": [band_of(density, self.bands) for density in first["epistemic_density"]],
            "lexicons": pl.DataFrame({str(place): entry for place, entry in enumerate(entries)})
            .select(pl.concat_list(pl.all()))
            .to_series(),
            "self_corrections": np.bincount(own.text[corrects[own.marker]], minlength=len(texts)),
            "answer_changes": [answer_changes(text) for text in texts],
            "leak": [bool(scanned.leaks) for scanned in leaking],
            "leaks": [scanned.leaks for scanned in leaking],
            "copied_share": [scanned.copied_share for scanned in leaking],
            "longest_copy": [scanned.longest_copy for scanned in leaking],
        }
        made = pl.DataFrame(columns, schema_overrides={name: MEASURES.schema[name] for name in columns}, strict=True)
        return pl.concat([traces.select(TAKEN_OVER), first, made], how="horizontal").select(MEASURES.schema.names())

    @property
    def _counted(self) -> list[Lexicon]:
        return self.lexicons if self.own in self.lexicons else [*self.lexicons, self.own]

    @cached_property
    def _finder(self) -> MarkerFinder:
        return MarkerFinder(self._counted)


def band_of(density: float | None, bands: Bands) -> str | None:
    """The confidence band of a density: below `mixed` confident, below `uncertain` mixed, from there on uncertain."""
    if density is None:
        return None
    if density < bands.mixed:
        return "confident"
    return "mixed" if density < bands.uncertain else "uncertain"
