"""Apply the change of an entry of `derive` to a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from infogap.derive.changed_trace import Draws, NothingToChangeError, TraceText
from infogap.derive.content_changes import corrupt_digits, cut_after_answer, wrong_answer
from infogap.derive.step_changes import delete_steps, insert_steps, shuffle_steps
from infogap.derive.strip_markers import strip_markers
from infogap.measure.lexicon import Lexicon
from infogap.recipe.derive_section import (
    CorruptDigits,
    CutAfterAnswer,
    DeleteSteps,
    Derivation,
    InsertSteps,
    ShuffleSteps,
    StripMarkers,
)

OtherSteps = Mapping[str, Sequence[str]]
"""Steps of traces, by the task that they belong to."""


def derived_text(
    entry: Derivation, trace: TraceText, task_id: str, draws: Draws, lexicon: Lexicon, others: OtherSteps
) -> TraceText:
    """Return the changed trace. Raises NothingToChangeError where the change does not apply."""
    change, random = entry.change, draws.of(trace, entry.kind)
    if isinstance(change, StripMarkers):
        changed = strip_markers(trace, random, change.share, lexicon, change.categories)
    elif isinstance(change, ShuffleSteps):
        changed = shuffle_steps(trace, random, change.share)
    elif isinstance(change, DeleteSteps):
        changed = delete_steps(trace, random, change.share)
    elif isinstance(change, InsertSteps):
        foreign = [step for task, steps in others.items() if task != task_id for step in steps]
        changed = insert_steps(trace, random, change.share, foreign)
    elif isinstance(change, CorruptDigits):
        changed = corrupt_digits(trace, random, change.share)
    elif isinstance(change, CutAfterAnswer):
        changed = cut_after_answer(trace)
    else:
        changed = wrong_answer(trace, random)
    if not (changed.reasoning.strip() or changed.response.strip()):
        raise NothingToChangeError("nothing would be left of it")
    return changed
