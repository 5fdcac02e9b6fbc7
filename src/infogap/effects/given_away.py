"""Say which contexts hold more than their privilege means to show: critiques that give the gold answer away."""

from __future__ import annotations

import polars as pl

from infogap.runs.run_folder import Run
from infogap.schema import CONTEXTS, SHOWN_NOTES


def given_away(run: Run) -> list[str]:
    """Return a sentence in Markdown for each privilege under which critiques state the gold answer."""
    generate = run.recipe.generate
    if generate is None or not generate.shows_notes:
        return []
    told = run.scan(SHOWN_NOTES).group_by("context_id").agg(told=pl.col("states_answer").any())
    contexts = run.scan(CONTEXTS).select("context_id", "privilege").join(told, on="context_id")
    counts = contexts.group_by("privilege").agg(pl.col("told").sum(), pl.len()).collect()
    by_label = {label: (answers, of) for label, answers, of in counts.iter_rows() if answers}
    said = []
    for use in generate.uses:
        if use.label in by_label:
            answers, of = by_label[use.label]
            critic = "who had read the solution" if "solution" in use.needs else "who had not seen it"
            said.append(
                f"Under `{use.label}`, {answers:,} of {of:,} contexts give away the gold answer, in words of a critic "
                f"{critic}: their traces had more than a critique."
            )
    return said
