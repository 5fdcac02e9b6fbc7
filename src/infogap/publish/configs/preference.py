"""The config `preference`: pairs of traces, for DPO (Rafailov et al. 2023, arXiv 2305.18290) and similar methods."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from infogap.publish.configs.base import (
    MESSAGES,
    PROMPT,
    Config,
    adapted,
    answer_messages,
    answers,
    columns,
    joined,
    of_derived,
    prompts,
)
from infogap.publish.configs.sft import where_thoughts_are
from infogap.publish.redaction import public_label
from infogap.publish.sorted_rows import SortedRows
from infogap.publish.turn_messages import refuse_turns
from infogap.recipe.balance_section import MixSettings
from infogap.recipe.preference_pairs import SIDES, Preference
from infogap.runs.run_folder import Run
from infogap.schema import MEASURES, TASKS, TRACES, VERDICTS


def what_is_paired(asked: Preference) -> str:
    """Describe a pair: `a correct trace (under unguided) and a wrong one (under solution), of the same task`."""
    return f"{_side(asked, 'chosen', 'trace')} and {_side(asked, 'rejected', 'one')}, of the same {_alike(asked)}"


def how_made(asked: Preference) -> str:
    """Return the card's sentences on how the pairs were made."""
    closest = {
        "verdict": "those whose epistemic densities are closest",
        "band": "those whose bands are furthest apart and, among these, whose lengths are closest",
        "privilege": "those whose lengths are closest",
    }[asked.by]
    taken = f"of all possible pairs, {closest} were taken"
    if asked.by_extremes:
        taken = "of these, the shortest correct trace and the longest wrong one were taken (as in arXiv 2605.17497)"
    said = [f"A pair is {what_is_paired(asked)}; {taken}."]
    if asked.length is not None:
        said.append(f"Neither text is more than {asked.length:.0%} longer than the other, in words.")
    across = [name for name in asked.differing if name != "verdict"]
    if across:
        said.append(
            f"The two can differ in {' and '.join(across)}, so its effect on style is part of what is preferred."
        )
    return " ".join(said)


def no_pairs(run: Run, mix: pl.DataFrame, asked: Preference) -> str:
    """Explain why there are no pairs, with the number of tasks that have traces for each side."""
    from infogap.publish.trace_pairs import sides

    counts = sides(run, mix, asked)
    of = f"of {counts.tasks:,} tasks, {counts.chosen:,} have the one and {counts.rejected:,} the other"
    if asked.length is not None and counts.both:
        limit = f"none of similar length (publish.preference.length: {asked.length:g})"
        return f"no two traces can be paired: {counts.both:,} tasks have {what_is_paired(asked)}, and {limit}"
    return f"no task has {what_is_paired(asked)}: {of}"


def _alike(asked: Preference) -> str:
    names = ["task", *(name for name in ("privilege", "teacher") if name not in asked.named)]
    names += ["verdict"] if asked.by != "verdict" else []
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


_OF_PAIRS = ("privilege", "teacher")  # columns that both traces share, unless the recipe says otherwise
_OF_EACH = ("trace_id", "band", "epistemic_density")  # columns of each trace
_MARGINS = {"density_margin": ("epistemic_density", pl.Float64), "words_margin": ("words", pl.Int64)}
"""Columns that say by how much the chosen trace exceeds the rejected one, each with the column that is subtracted."""


def _schema(run: Run, of_pair: tuple[str, ...] = _OF_PAIRS, of_each: tuple[str, ...] = _OF_EACH) -> pl.Schema:
    """Return the config's columns, given those that both traces share and those that each has."""
    known = TRACES.schema | VERDICTS.schema | MEASURES.schema
    return pl.Schema(
        {
            "prompt": MESSAGES,
            "chosen": answer_messages(run),
            "rejected": answer_messages(run),
            **columns(TRACES, "task_id"),
            **columns(TASKS, "family", "difficulty"),
            **{name: known[name] for name in of_pair},
            **{f"{side}_{name}": known[name] for side in SIDES for name in of_each},
            **({name: dtype for name, (_, dtype) in _MARGINS.items()} if _with_margins(run) else {}),
        }
    )


def _with_margins(run: Run) -> bool:
    asked = run.recipe.publish.preference
    return asked is not None and asked.has_margins


def _columns_as_asked(asked: Preference) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns that a pair has once, and those that each of its traces has because they can differ."""
    of_pair = tuple(name for name in (*_OF_PAIRS, "verdict") if name not in asked.differing)
    words = ("words",) if asked.length is not None or asked.has_margins else ()
    first, *rest = _OF_EACH
    return of_pair, (first, *asked.differing, *rest, *words)


def _rows(
    run: Run,
    mix: pl.DataFrame,
    asked: Preference | None = None,
    of_pair: tuple[str, ...] = _OF_PAIRS,
    of_each: tuple[str, ...] = _OF_EACH,
) -> SortedRows:
    """Give both traces of each pair the same place; the column `rejected` tells them apart."""
    from infogap.publish.trace_pairs import pairs  # with numpy, which the card's paragraph does not need

    numbered = pairs(run, mix, asked).with_row_index("place")
    refuse_turns(run, pl.concat([numbered.select(trace_id=side) for side in SIDES]), "preference")
    sides = [
        numbered.select(
            pl.col(side).alias("trace_id"), pl.col("place").cast(pl.Int64), rejected=pl.lit(side == "rejected")
        )
        for side in SIDES
    ]
    return SortedRows(run, TRACES, pl.concat(sides), partial(_pair_rows, of_pair=of_pair, of_each=of_each))


def _pair_rows(run: Run, traces: pl.DataFrame, of_pair: tuple[str, ...], of_each: tuple[str, ...]) -> pl.DataFrame:
    """Make a row per pair: the student's prompt, and the two traces."""
    schema = _schema(run, of_pair, of_each)

    def of(side: str) -> list[pl.Expr]:
        return [pl.col("answer_message").alias(side), *(pl.col(name).alias(f"{side}_{name}") for name in of_each)]

    known = joined(run, traces, {*schema, *of_each}).with_columns(answer_message=answers(run))
    chosen = known.filter(~pl.col("rejected"))
    rejected = known.filter("rejected").select("place", *of("rejected"))
    rows = chosen.with_columns(prompts(run, chosen), *of("chosen")).drop("rejected")
    both = rows.join(rejected, on="place", maintain_order="left", validate="1:1")
    margins = {
        name: pl.col(f"chosen_{of}") - pl.col(f"rejected_{of}") for name, (of, _) in _MARGINS.items() if name in schema
    }
    return both.with_columns(**margins).select(*schema).match_to_schema(schema)


def _without(run: Run, mix: pl.DataFrame, tasks: pl.Series, asked: Preference | None = None) -> dict[str, int]:
    from infogap.publish.trace_pairs import without_pairs

    return without_pairs(run, mix, asked, tasks)


def _mean_densities(folder: Path) -> dict[str, Any]:
    """Return the mean epistemic density of the chosen and the rejected traces."""
    means = pl.scan_parquet(folder / "*.parquet").select(
        pl.col(f"{side}_epistemic_density").mean().alias(side) for side in SIDES
    )
    return means.collect().row(0, named=True)


def _margins(folder: Path) -> dict[str, Any]:
    """Return the number of pairs, and of those whose chosen trace is longer, or less doubtful, than the rejected."""
    counts = pl.scan_parquet(folder / "*.parquet").select(
        pairs=pl.len(),
        longer=(pl.col("words_margin") > 0).sum(),
        surer=(pl.col("density_margin") < 0).sum(),
        words_margin=pl.col("words_margin").mean(),
    )
    return counts.collect().row(0, named=True)


_OF_MARGINS = (
    " The chosen trace is on average {{ words_margin | number }} words longer than the rejected one (negative: "
    "shorter); of {{ pairs | number }} pairs, it is the longer one in {{ longer | number }} and has the lower "
    "density in {{ surer | number }}."
)


def _as_asked(config: Config, run: Run) -> Config:
    """Return the config adapted to `publish.preference` and `publish.thinking`."""
    asked, thoughts = run.recipe.publish.preference, where_thoughts_are(run)
    if asked is None:
        return adapted(config, PREFERENCE, card=PREFERENCE.card + thoughts) if thoughts else config
    of_pair, of_each = _columns_as_asked(asked)

    def values(folder: Path) -> dict[str, Any]:
        margins = _margins(folder) if asked.has_margins else {}
        return {"how_made": how_made(asked)} | _mean_densities(folder) | margins

    return adapted(
        config,
        PREFERENCE,
        shows=f"pairs for preference training: {what_is_paired(asked)}",
        features=partial(_schema, of_pair=of_pair, of_each=of_each),
        rows=partial(_rows, asked=asked, of_pair=of_pair, of_each=of_each),
        empty=partial(no_pairs, asked=asked),
        card="In `{{ name }}`, `prompt`, `chosen` and `rejected` hold messages. {{ how_made }} The mean density is "
        "{{ chosen | number(2) }} markers per 1,000 {{ density_unit }} in the chosen traces and "
        f"{{{{ rejected | number(2) }}}} in the rejected ones.{_OF_MARGINS if asked.has_margins else ''}{thoughts}",
        card_values=values,
        without=partial(_without, asked=asked),
    )


def _empty_by_design(run: Run, mix: MixSettings) -> str:
    """Return why a mix has no pairs if it takes no trace for a side, as its traces are derived or are not."""
    asked, changes = run.recipe.publish.preference or Preference(), [entry.name for entry in run.recipe.derive or []]
    taken = mix.derived if isinstance(mix.derived, list) else changes if mix.derived == "keep" else []

    def takes(privilege: str) -> bool:
        change = next((name for name in changes if privilege.endswith(f"/{name}")), None)
        return isinstance(mix.derived, str) if change is None else change in taken

    named = [labels for side in SIDES if (labels := asked.pool(side).get("privilege"))]
    if named and all(any(map(takes, labels)) for labels in named):
        return ""
    return of_derived(run, mix) or ("it takes no derived traces" if named else "")


PREFERENCE = Config(
    name="preference",
    shows="pairs of a correct and a wrong trace of one task, privilege and teacher, for preference training",
    features=_schema,
    key=pl.concat_str("chosen_trace_id", "rejected_trace_id", separator=" "),
    rows=_rows,
    meanings={
        "prompt": PROMPT,
        "chosen": "the preferred answer",
        "rejected": "the other answer",
        "density_margin": "epistemic density of the chosen trace minus that of the rejected one",
        "words_margin": "number of words of the chosen trace minus that of the rejected one",
    },
    empty="no task has both a correct and a wrong trace under the same privilege by the same teacher",
    empty_by_design=_empty_by_design,
    of_mix=True,
    as_asked=_as_asked,
    without=_without,
    card="In `{{ name }}`, `prompt`, `chosen` and `rejected` hold messages. Each pair has a correct and a wrong trace "
    "of the same task, privilege and teacher, matched so that their epistemic densities are as close as possible. The "
    "mean density is {{ chosen | number(2) }} markers per 1,000 {{ density_unit }} in the chosen traces and "
    "{{ rejected | number(2) }} in the rejected ones.",
    card_values=_mean_densities,
)
