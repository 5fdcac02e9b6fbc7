"""Say of preference pairs what is paired, how the pairs were made, and why there are none."""

from __future__ import annotations

import polars as pl

from infogap.publish.redaction import public_label
from infogap.publish.trace_pairs import sides
from infogap.recipe.preference_pairs import Preference
from infogap.runs.run_folder import Run


def what_is_paired(asked: Preference) -> str:
    """Return `a correct trace (under unguided) and a wrong one (under solution), of the same task and teacher`."""
    return f"{_side(asked, 'chosen', 'trace')} and {_side(asked, 'rejected', 'one')}, of the same {_alike(asked)}"


def how_made(asked: Preference) -> str:
    """Return the sentences of the card on how the pairs were made."""
    closest = (
        "those whose epistemic densities are closest"
        if asked.by == "verdict"
        else "those whose bands are furthest apart and, among these, whose lengths are closest"
    )
    said = [f"A pair is {what_is_paired(asked)}; of all possible pairs, {closest} were taken."]
    if asked.length is not None:
        said.append(f"Neither text is more than {asked.length:.0%} longer than the other, in words.")
    across = [name for name in asked.differing if name != "verdict"]
    if across:
        said.append(
            f"The two can differ in {' and '.join(across)}: what is preferred includes what that does to style."
        )
    return " ".join(said)


def no_pairs(run: Run, mix: pl.DataFrame, asked: Preference) -> str:
    """Return why there are no pairs, with the number of tasks that have traces for either side."""
    counts = sides(run, mix, asked)
    of = f"of {counts.tasks:,} tasks, {counts.chosen:,} have the one and {counts.rejected:,} the other"
    if asked.length is not None and counts.both:
        limit = f"none of like length (publish.preference.length: {asked.length:g})"
        return f"no two traces can be paired: {counts.both:,} tasks have {what_is_paired(asked)}, and {limit}"
    return f"no task has {what_is_paired(asked)}: {of}"


def _alike(asked: Preference) -> str:
    names = ["task", *(name for name in ("privilege", "teacher") if name not in asked.named)]
    names += ["verdict"] if asked.by == "band" else []
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _side(asked: Preference, side: str, noun: str) -> str:
    values = asked.pool(side)
    verdict = " or ".join(value.replace("_", " ") for value in values.get("verdict", []))
    if asked.by == "band":
        verdict = " ".join(
            ["more uncertain" if side == "chosen" else "more confident", *([verdict] if verdict else [])]
        )
    named = [f"under {_listed(values['privilege'])}"] if "privilege" in values else []
    named += [f"by {_listed(values['teacher'])}"] if "teacher" in values else []
    named += [f"band {_listed(values['band'])}"] if "band" in values else []
    return f"a {verdict} {noun}" + (f" ({', '.join(named)})" if named else "")


def _listed(values: list[str]) -> str:
    return " or ".join(f"`{public_label(value)}`" for value in values)
