"""Match mixes: the same tasks, equally many traces of each, with the same values or like lengths if wanted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from infogap.balance.mix_pool import measured
from infogap.recipe.balance_section import Match


def matched(candidates: Mapping[str, pl.DataFrame], match: Match, cap: int | None) -> dict[str, pl.DataFrame]:
    """Return, per mix, the candidates that have a counterpart in every other mix.

    Candidates have the columns `trace_id`, `task_id`, `draw` (the order in which traces of a task are taken), those of
    `match.same`, and the measured `words` if `match.length` is given. Of each task, every mix keeps equally many
    traces, at most `cap`; with `same`, equally many with the same values; with `length`, each has a counterpart whose
    length differs by no more than that, shortest first, in every mix.
    """
    keys = ["task_id", *match.same]
    candidates = _alike(candidates, match.same)
    if match.length is not None:
        kept = _matched_by_length(candidates, keys, match.length)
    else:
        counts = [frame.group_by(keys).len(name) for name, frame in candidates.items()]
        common = counts[0]
        for each in counts[1:]:
            common = common.join(each, on=keys, how="inner", nulls_equal=True)
        common = common.select(*keys, most=pl.min_horizontal(*candidates))
        kept = {
            name: frame.join(common, on=keys, how="inner", nulls_equal=True).filter(
                pl.col("draw").rank("ordinal").over(keys) <= pl.col("most")
            )
            for name, frame in candidates.items()
        }
        kept = {name: frame.drop("most") for name, frame in kept.items()}
    if cap is None:
        return kept
    return {name: _capped(frame, keys, cap) for name, frame in kept.items()}


def _alike(candidates: Mapping[str, pl.DataFrame], columns: list[str]) -> Mapping[str, pl.DataFrame]:
    """Make columns text in all mixes that are text in some: an axis of one mix, and no axis of another."""
    mixed = [name for name in columns if len({frame.schema[name] for frame in candidates.values()}) > 1]
    return {name: frame.with_columns(pl.col(mixed).cast(pl.String)) for name, frame in candidates.items()}


def _capped(frame: pl.DataFrame, keys: list[str], cap: int) -> pl.DataFrame:
    """Keep the first traces of each task, in an order that is the same in every mix: by the keys, then by place."""
    order = [*keys[1:], "pair" if "pair" in frame.columns else "draw"]
    return frame.sort("task_id", *order).filter(pl.int_range(pl.len()).over("task_id") < cap)


def _matched_by_length(candidates: Mapping[str, pl.DataFrame], keys: list[str], most: float) -> dict[str, pl.DataFrame]:
    """Match the traces of each task by length: one of every mix at a time, skipping the shortest if they do not fit.

    The lengths of a match differ by a factor of 1 + `most` at most. Taking the shortest that fit yields the most
    matches, since it leaves the most traces for the others.
    """
    names, words = list(candidates), measured("words")
    grouped = {
        name: {
            tuple(row[:-1]): row[-1]
            for row in frame.drop_nulls(words)
            .sort(words, "draw")
            .group_by(keys, maintain_order=True)
            .agg(pl.struct(words, "trace_id"))
            .iter_rows()
        }
        for name, frame in candidates.items()
    }
    common = set(grouped[names[0]]).intersection(*(grouped[name] for name in names[1:]))
    pairs: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
    for key in sorted(common, key=repr):
        lists = [grouped[name][key] for name in names]
        at = [0] * len(lists)
        pair = 0
        while all(place < len(each) for place, each in zip(at, lists, strict=True)):
            lengths = [each[place][words] for place, each in zip(at, lists, strict=True)]
            if max(lengths) <= min(lengths) * (1 + most):
                for index, name in enumerate(names):
                    pairs[name].append((lists[index][at[index]]["trace_id"], pair))
                at = [place + 1 for place in at]
                pair += 1
            else:
                at[int(np.argmin(lengths))] += 1
    schema = {"trace_id": pl.String, "pair": pl.Int64}
    return {
        name: frame.join(pl.DataFrame(pairs[name], schema=schema, orient="row"), on="trace_id", how="inner")
        for name, frame in candidates.items()
    }
