"""The stage `measure`: what its table depends on. `measure_traces.py` makes it."""

from __future__ import annotations

from typing import Any

from infogap.leaks.leak_rules import leaks_digest
from infogap.measure.lexicon_files import SHIPPED, read_lexicon
from infogap.measure.load_measures import named_measures
from infogap.privileges.ladder import solution_stands_for_context
from infogap.runs.run_folder import Run
from infogap.runs.stage import Outcome, Stage
from infogap.schema import CONTEXTS, GAPS, MEASURES, TASKS, TRACES


def measure_settings(run: Run) -> dict[str, Any]:
    """Return what the measures depend on besides the traces: the recipe's section, and digests of what it names."""
    names = run.recipe.measure.lexicons
    # A file that is gone since the traces were measured by it: what it holds is not known any more.
    gone = [name not in SHIPPED and not run.resolve(name).is_file() for name in names]
    lexicons = [None if lost else read_lexicon(name, run.resolve) for name, lost in zip(names, gone, strict=True)]
    # The gap is a stage of its own, whose settings change its table, which is an input here.
    part = run.recipe.measure.model_dump(mode="json", by_alias=True, exclude={"gap"}) | {
        "lexicon_contents": [None if lexicon is None else lexicon.digest for lexicon in lexicons],
        "self_corrections": read_lexicon("infogap", run.resolve).digest,
        "leaks": leaks_digest(),
    }
    if showing := solution_stands_for_context(run.recipe):
        part["solution_stands_for_context"] = showing
    named = named_measures(run)
    return part | ({"measures": [measure.identity for measure in named]} if named else {})


def _ready(run: Run) -> None:
    for name in run.recipe.measure.lexicons:
        read_lexicon(name, run.resolve)
    named_measures(run)


def _make(run: Run) -> Outcome:
    from infogap.measure.measure_traces import measure_traces

    return measure_traces(run)


STAGE = Stage(
    "measure",
    (MEASURES.name,),
    (TASKS.name, CONTEXTS.name, TRACES.name, GAPS.name),
    14,
    measure_settings,
    _make,
    ready=_ready,
)
